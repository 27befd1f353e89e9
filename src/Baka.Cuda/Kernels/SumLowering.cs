using System.Numerics;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Sums over axes. Where results are few, each is made of parts in scratch memory that are then summed alike.</summary>
internal static class SumLowering
{
    /// <summary>Blocks that are enough to keep a multiprocessor busy.</summary>
    private const int BlocksPerMultiprocessor = 8;

    /// <summary>Loads per thread below which parts are not worth their second sum.</summary>
    private const int LoadsPerThread = 8;

    /// <summary>Threads that go through a row's columns side by side, at least: with 16 bytes each, 128 bytes.</summary>
    private const int ColumnLanes = 8;

    /// <summary>Threads of a multiprocessor that have enough loads under way between them: no more share a column than that takes.</summary>
    private const int ColumnThreads = 1024;

    public static IReadOnlyList<Operation> Lower(Sum op, Step step, LoweringContext context)
    {
        var operations = new List<Operation>();
        var (from, shape) = (step.Inputs[0], step.Inputs[0].Shape);
        var runs = Runs(op, shape.Extents);
        for (var i = runs.Count - 1; i >= 0; i--)
        {
            // The innermost axes first: those within are then 1.
            var (first, end) = runs[i];
            var (outer, reduced, inner) = (shape.Product(0, first), shape.Product(first, end), shape.Product(end, shape.Rank));
            for (var axis = first; axis < end; axis++)
            {
                shape = shape.With(axis, 1);
            }

            var to = i == 0 ? step.Outputs[0] : context.Scratch(Element.Float32, outer, inner);
            operations.AddRange(Reduce(from, outer, reduced, inner, to, context));
            from = to;
        }

        return operations;
    }

    /// <summary>Sums the middle axis of dense x [outer, reduced, inner] into y [outer, inner], whose rows may lie apart from each other where inner is not 1.</summary>
    public static IReadOnlyList<Operation> Reduce(View x, int outer, int reduced, int inner, View y, LoweringContext context) =>
        inner == 1 ? ReduceRows(x, outer, reduced, y, context) : ReduceColumns(x, outer, reduced, inner, y, context);

    /// <summary>Sums the outermost axis of each of several dense tensors; what can be one launch is.</summary>
    public static IReadOnlyList<Operation> ReduceAll(LoweringContext context, params IReadOnlyList<(View X, View Y)> sums)
    {
        IReadOnlyList<Operation>[] each = [.. sums.Select(sum => Reduce(sum.X, 1, sum.X.Shape[0], checked((int)(sum.X.Shape.Count / sum.X.Shape[0])), sum.Y, context))];
        var operations = new List<Operation>();
        for (var stage = 0; each.Any(own => own.Count > stage); stage++)
        {
            var now = each.Where(own => own.Count > stage).Select(own => own[stage]).ToArray();
            operations.AddRange(now.Where(operation => operation is not BlockLaunch));
            operations.AddRange(now.OfType<BlockLaunch>().GroupBy(launch => launch.Function).SelectMany(alike => LaunchTable.Join([.. alike])));
        }

        return operations;
    }

    /// <summary>Stretches of axes that are summed as one: nothing longer than 1 lies between them.</summary>
    private static List<(int First, int End)> Runs(Sum op, ReadOnlySpan<int> extents)
    {
        var runs = new List<(int First, int End)>();
        foreach (var axis in op.Axes)
        {
            if (runs.Count > 0 && !extents[runs[^1].End..axis].ContainsAnyExcept(1))
            {
                runs[^1] = (runs[^1].First, axis + 1);
            }
            else
            {
                runs.Add((axis, axis + 1));
            }
        }

        return runs;
    }

    private static IReadOnlyList<Operation> ReduceRows(View x, int rows, int width, View y, LoweringContext context)
    {
        var vector = VectorWidth.ChooseDense(width, x);
        var group = width <= 16 ? 1 : width <= 2048 ? Blocks.WarpSize : Blocks.Threads;
        var (parts, length) = group < Blocks.Threads ? (1, width) : Parts(rows, width, Blocks.Threads * vector, context);
        var target = parts == 1 ? y : context.Scratch(Element.Float32, rows, parts);
        var kernel = Kernel.FromFile(
            "SumRows.cu",
            "sum_rows",
            ("ROWS", rows),
            ("WIDTH", width),
            ("PARTS", parts),
            ("LENGTH", length),
            ("VECTOR", vector),
            ("GROUP", group),
            ("THREADS", Blocks.Threads),
            ("X_TYPE", x.Storage.Type),
            ("Y_TYPE", target.Storage.Type));
        var launch = new Launch(kernel, new Grid(Blocks.Count((long)rows * parts, Blocks.Threads / group)), Blocks.Threads, 0, [x, target]);
        return parts == 1 ? [launch] : [launch, .. ReduceRows(target, rows, parts, y, context)];
    }

    private static IReadOnlyList<Operation> ReduceColumns(View x, int outer, int reduced, int width, View y, LoweringContext context)
    {
        if (Rows(y, checked(outer * width)) is not { } rows)
        {
            var sums = context.Scratch(y.Storage.Type, y.Shape.Extents);
            return [.. ReduceColumns(x, outer, reduced, width, sums, context), .. CopyLowering.Lower(sums, y, context)];
        }

        var vector = Math.Min(VectorWidth.ChooseDense(width, x, y), VectorWidth.Choose(rows.Shape[1], rows));
        var vectors = width / vector;
        var lanesX = Math.Min(ColumnLanes, (int)BitOperations.RoundUpToPowerOf2((uint)vectors));
        var lanesY = Math.Min(Blocks.Threads / lanesX, 1 << BitOperations.Log2((uint)reduced));
        var enough = (int)BitOperations.RoundUpToPowerOf2((uint)Blocks.Count((long)context.Device.Multiprocessors * ColumnThreads, checked(outer * vectors)));
        if (enough < lanesY)
        {
            (lanesX, lanesY) = (Blocks.Threads / enough, enough);
        }

        var tiles = Blocks.Count(vectors, lanesX);
        var (parts, length) = Parts((long)outer * tiles, reduced, lanesY, context);
        var target = parts == 1 ? y : context.Scratch(Element.Float32, outer, parts, width);
        var (lies, apart) = parts == 1 ? (rows.Shape[1], checked((int)rows.Strides[0])) : (width, width);
        var function = Columns(x.Storage.Type, target.Storage.Type, vector, lanesX, lanesY);
        var launch = new BlockLaunch(function, checked(outer * parts * tiles), [x, target, reduced, width, parts, length, lies, apart]);
        return parts == 1 ? [launch] : [launch, .. ReduceColumns(target, outer, parts, width, y, context)];
    }

    private static BlockKernel Columns(Element from, Element to, int vector, int lanesX, int lanesY) =>
        new(
            Kernel.TextOf(
                [("VECTOR", vector), ("LANES_X", lanesX), ("LANES_Y", lanesY), ("X_TYPE", from), ("Y_TYPE", to)],
                "SumColumns.cu"),
            "sum_columns",
            lanesX * lanesY,
            [
                new Parameter($"const {Kernel.TypeName(from)}*", "x"),
                new Parameter($"{Kernel.TypeName(to)}*", "y"),
                new Parameter("int", "reduced"),
                new Parameter("int", "width"),
                new Parameter("int", "parts"),
                new Parameter("int", "length"),
                new Parameter("int", "y_width"),
                new Parameter("int", "y_stride"),
            ],
            "A sum over the middle axis.",
            "    add_columns(block, x, y, reduced, width, parts, length, y_width, y_stride);\n");

    /// <summary>A dense view as one row, another as rows equally far apart; null where it is neither.</summary>
    private static View? Rows(View view, int count)
    {
        var width = view.IsDense ? count : view.Shape[view.Shape.Rank - 1];
        return view.Reshape(new Shape(count / width, width));
    }

    /// <summary>Into how many parts of which length a sum is cut, so that the GPU is full but its threads have something to do.</summary>
    /// <param name="blocks">Blocks without parts.</param>
    /// <param name="count">Elements of a sum.</param>
    /// <param name="perRound">Elements of a sum that a block loads at once.</param>
    private static (int Parts, int Length) Parts(long blocks, int count, int perRound, LoweringContext context)
    {
        var wanted = (BlocksPerMultiprocessor * context.Device.Multiprocessors + blocks - 1) / blocks;
        var worthwhile = Math.Max(1, count / (perRound * LoadsPerThread));
        var rounds = Blocks.Count(count, perRound);
        var roundsPerPart = Blocks.Count(rounds, (int)Math.Min(wanted, worthwhile));
        return (Blocks.Count(rounds, roundsPerPart), roundsPerPart * perRound);
    }
}
