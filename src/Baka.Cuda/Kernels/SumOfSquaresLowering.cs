using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>The squares of many tensors: each block sums a chunk of one of them, and one sum over all chunks follows.</summary>
internal static class SumOfSquaresLowering
{
    /// <summary>Elements of a chunk.</summary>
    private const int Length = 32768;

    /// <summary>Tensors of one launch: a kernel's parameters may take 4 KB.</summary>
    private const int MaxTensors = 256;

    public static IReadOnlyList<Operation> Lower(SumOfSquares op, Step step, LoweringContext context)
    {
        var partial = context.Scratch(Element.Float32, step.Inputs.Sum(Chunks));
        var operations = new List<Operation>();
        var start = 0;
        var alike = step.Inputs.GroupBy(view => (view.Storage.Type, Vector: VectorWidth.ChooseDense(Length, view)));
        foreach (var tensors in alike.SelectMany(group => group.Chunk(MaxTensors)))
        {
            var chunks = tensors.Sum(Chunks);
            operations.Add(Squares(tensors, partial.Slice(0, start, chunks)));
            start += chunks;
        }

        return [.. operations, .. SumLowering.Reduce(partial, 1, start, 1, step.Outputs[0], context)];
    }

    private static int Chunks(View view) => Blocks.Count(view.Shape.Count, Length);

    private static Launch Squares(View[] tensors, View partial)
    {
        var first = 0;
        var views = new List<string>();
        foreach (var tensor in tensors)
        {
            views.Add($"VIEW({views.Count}, {first}, {tensor.Shape.Count})");
            first += Chunks(tensor);
        }

        var kernel = Kernel.FromFile(
            "SumOfSquares.cu",
            "sum_of_squares",
            ("VIEWS(VIEW)", string.Join(' ', views)),
            ("LENGTH", Length),
            ("VECTOR", VectorWidth.ChooseDense(Length, tensors[0])),
            ("THREADS", Blocks.Threads),
            ("TYPE", tensors[0].Storage.Type));
        return new Launch(kernel, new Grid(first), Blocks.Threads, 0, [partial, .. tensors.Select(t => (Argument)t)]);
    }
}
