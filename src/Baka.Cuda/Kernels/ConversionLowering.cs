using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Elements of one type from those of another, in rows that may lie apart.</summary>
internal static class ConversionLowering
{
    public static IReadOnlyList<Operation> Lower(ConvertToFloat op, Step step, LoweringContext context) =>
        [Lower(step.Inputs[0], step.Outputs[0])];

    /// <summary>A view in another element: itself, or a dense copy in scratch memory and what makes it.</summary>
    public static (View View, IReadOnlyList<Operation> Operations) To(View view, Element element, LoweringContext context)
    {
        if (view.Storage.Type == element)
        {
            return (view, []);
        }

        var copy = context.Scratch(element, view.Shape.Extents);
        return (copy, [Lower(view, copy)]);
    }

    /// <summary>Copies a view to another of the same shape.</summary>
    /// <exception cref="NotSupportedException">Too many axes are left when those that lie one inside the other are merged.</exception>
    public static Launch Lower(View from, View to)
    {
        var axes = Merge(from, to);
        if (axes.Count == 0 || axes[^1] is not (_, 1, 1))
        {
            axes.Add((1, 1, 1));
        }

        if (axes.Count > 3)
        {
            throw new NotSupportedException($"elements [{string.Join(", ", from.Strides)}] apart can't be copied to places [{string.Join(", ", to.Strides)}] apart");
        }

        while (axes.Count < 3)
        {
            axes.Insert(0, (1, 0, 0));
        }

        var (group, row, width) = (axes[0], axes[1], axes[2].Extent);
        var inRows = new[] { group, row }.Where(a => a.Extent > 1).Aggregate(width, (common, a) => common | a.From | a.To);
        var vector = VectorWidth.ChooseDense(inRows, from, to);
        var count = group.Extent * row.Extent * width / vector;
        var kernel = Kernel.FromFile(
            "Convert.cu",
            "convert",
            ("COUNT", count),
            ("ROWS", row.Extent),
            ("VECTORS", width / vector),
            ("VECTOR", vector),
            ("THREADS", Blocks.Threads),
            ("INDEX", count + Blocks.Threads <= uint.MaxValue ? "u32" : "i64"),
            ("X_TYPE", from.Storage.Type),
            ("X_GROUP_STRIDE", group.From),
            ("X_STRIDE", row.From),
            ("Y_TYPE", to.Storage.Type),
            ("Y_GROUP_STRIDE", group.To),
            ("Y_STRIDE", row.To));
        return new Launch(kernel, new Grid(Blocks.Count(count, Blocks.Threads)), Blocks.Threads, 0, [from, to]);
    }

    /// <summary>Axes of both views, those in one that continue each other in both.</summary>
    private static List<(long Extent, long From, long To)> Merge(View from, View to)
    {
        var axes = new List<(long Extent, long From, long To)>();
        for (var i = 0; i < from.Shape.Rank; i++)
        {
            var (extent, near, far) = (from.Shape[i], from.Strides[i], to.Strides[i]);
            if (extent == 1)
            {
                continue;
            }

            if (axes.Count > 0 && axes[^1].From == near * extent && axes[^1].To == far * extent)
            {
                axes[^1] = (axes[^1].Extent * extent, near, far);
            }
            else
            {
                axes.Add((extent, near, far));
            }
        }

        return axes;
    }
}
