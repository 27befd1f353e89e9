using System.Numerics;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Rows that are picked, summed or replaced by index.</summary>
internal static class RowsLowering
{
    private const int SortThreads = 1024;
    private const int MaxDigitBits = 8;

    /// <summary>Places of the sorted order that a block sums.</summary>
    private const int Tile = 64;

    /// <summary>(x, index) → y.</summary>
    public static IReadOnlyList<Operation> Lower(GatherRows op, Step step, LoweringContext context)
    {
        var (x, index, y) = (step.Inputs[0], step.Inputs[1], step.Outputs[0]);
        return [PerRow("GatherRows.cu", "gather_rows", x, index, y, y)];
    }

    /// <summary>(x, y, index) → x with rows of y.</summary>
    public static IReadOnlyList<Operation> Lower(ReplaceRows op, Step step, LoweringContext context)
    {
        var (old, rows, index, target) = (step.Inputs[0], step.Inputs[1], step.Inputs[2], step.Outputs[0]);
        var replace = PerRow("ReplaceRows.cu", "replace_rows", rows, index, target, rows);
        return [.. CopyLowering.Into(target, old, context), replace];
    }

    /// <summary>(x, index) → sums of rows; a stable sort of the index makes their order that of x.</summary>
    public static IReadOnlyList<Operation> Lower(ScatterRows op, Step step, LoweringContext context) =>
        [new Clear(step.Outputs[0]), .. Scatter(step, adds: false, context)];

    /// <summary>(x, index, C) → C + sums of rows.</summary>
    public static IReadOnlyList<Operation> Lower(ScatterRowsAdd op, Step step, LoweringContext context) =>
        [.. CopyLowering.Into(step.Outputs[0], step.Inputs[2], context), .. Scatter(step, adds: true, context)];

    private static List<Operation> Scatter(Step step, bool adds, LoweringContext context)
    {
        var (x, index, y) = (step.Inputs[0], step.Inputs[1], step.Outputs[0]);
        var (count, width, rows) = (x.Shape[0], x.Shape[1], y.Shape[0]);
        var keys = context.Scratch(Element.Int32, count);
        var order = context.Scratch(Element.Int32, count);
        var tiles = Blocks.Count(count, Tile);
        var partial = context.Scratch(Element.Float32, tiles, 2, width);
        var vector = VectorWidth.Choose(width, x, y);
        var threads = Math.Min(Blocks.Threads, Blocks.Count(width / vector, Blocks.WarpSize) * Blocks.WarpSize);
        Kernel Part(string name) => Kernel.FromFile(
            "ScatterRows.cu",
            name,
            ("COUNT", count),
            ("WIDTH", width),
            ("ROWS", rows),
            ("TILE", Tile),
            ("VECTOR", vector),
            ("THREADS", threads),
            ("ADDS", adds),
            ("X_TYPE", x.Storage.Type),
            ("X_STRIDE", x.Strides[0]),
            ("Y_TYPE", y.Storage.Type));

        List<Operation> operations =
        [
            Sort(index, rows, keys, order, context),
            new Launch(Part("scatter_tiles"), new Grid(tiles), threads, 0, [x, keys, order, y, partial]),
        ];
        if (tiles > 1)
        {
            operations.Add(new Launch(Part("scatter_joins"), new Grid(tiles - 1), threads, 0, [keys, partial, y]));
        }

        return operations;
    }

    private static Launch Sort(View index, int rows, View keys, View order, LoweringContext context)
    {
        var count = index.Shape[0];
        var bits = BitOperations.Log2((uint)rows) + 1;
        var passes = Blocks.Count(bits, MaxDigitBits);
        var kernel = Kernel.FromFile(
            "SortRows.cu",
            "sort_rows",
            ("COUNT", count),
            ("ROWS", rows),
            ("PASSES", passes),
            ("DIGIT_BITS", Blocks.Count(bits, passes)),
            ("THREADS", SortThreads));
        return new Launch(kernel, new Grid(1), SortThreads, 0, [index, keys, order, context.Scratch(Element.Int32, count)]);
    }

    /// <summary>A kernel whose warps take one row each of a view.</summary>
    private static Launch PerRow(string file, string name, View x, View index, View y, View each)
    {
        var width = x.Shape[1];
        var kernel = Kernel.FromFile(
            file,
            name,
            ("ROWS", each.Shape[0]),
            ("WIDTH", width),
            ("VECTOR", VectorWidth.Choose(width, x, y)),
            ("THREADS", Blocks.Threads),
            ("X_TYPE", x.Storage.Type),
            ("X_STRIDE", x.Strides[0]),
            ("Y_TYPE", y.Storage.Type),
            ("Y_STRIDE", y.Strides[0]));
        return new Launch(kernel, new Grid(Blocks.OfWarps(each.Shape[0])), Blocks.Threads, 0, [x, index, y]);
    }
}
