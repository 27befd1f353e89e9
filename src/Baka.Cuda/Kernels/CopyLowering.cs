using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Copies between any two layouts of one shape, from f32 to bf16 and back where the elements differ. Most copies move
/// runs of neighbors or repeat an element, as elementwise kernels do; where neighbors of one side lie apart on the
/// other, tiles pass through shared memory.
/// </summary>
internal static class CopyLowering
{
    /// <summary>Brings a value to where an operation that changes it in place expects it, unless it is there.</summary>
    public static IReadOnlyList<Operation> Into(View place, View value, LoweringContext context) =>
        value.Storage.Root == place.Storage.Root && value.Offset == place.Offset && value.Strides.SequenceEqual(place.Strides) ? [] : Lower(value, place, context);

    /// <exception cref="ArgumentException">Only one side holds integers.</exception>
    public static IReadOnlyList<Operation> Lower(View from, View to, LoweringContext context)
    {
        if (from.Storage.Type != to.Storage.Type && (from.Storage.Type == Element.Int32 || to.Storage.Type == Element.Int32))
        {
            throw new ArgumentException($"Copies do not turn {from.Storage.Type} into {to.Storage.Type}.");
        }

        // The order of axes is free: let them be as they lie in the target.
        int[] axes = [.. Enumerable.Range(0, to.Shape.Rank).Where(axis => to.Shape[axis] > 1).OrderByDescending(axis => to.Strides[axis])];
        (from, to) = (from.Permute(axes), to.Permute(axes));
        return [TransposedCopy.TryLower(from, to) ?? new VectorKernel([from], [to]).Launch("copy", "", [], ["a0"])];
    }
}
