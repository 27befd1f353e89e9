using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Elements of one type from those of another.</summary>
internal static class ConversionLowering
{
    /// <summary>Integers → floats.</summary>
    public static IReadOnlyList<Operation> Lower(ConvertToFloat op, Step step, LoweringContext context)
    {
        var (x, y) = (step.Inputs[0], step.Outputs[0]);
        var kernel = Kernel.FromFile("Convert.cu", "convert", ("THREADS", Blocks.Threads), ("Y_TYPE", y.Storage.Type));
        var count = (int)x.Shape.Count;
        return [new Launch(kernel, new Grid(Blocks.Count(count, Blocks.Threads)), Blocks.Threads, 0, [x, y, count])];
    }

    /// <summary>A view in another element: itself, or a dense copy in scratch memory and what makes it.</summary>
    public static (View View, IReadOnlyList<Operation> Operations) To(View view, Element element, LoweringContext context)
    {
        if (view.Storage.Type == element)
        {
            return (view, []);
        }

        var copy = context.Scratch(element, view.Shape.Extents);
        return (copy, CopyLowering.Lower(view, copy, context));
    }
}
