using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Step layers as one product each: the n input rows of every reached position are laid side by side in scratch memory.
/// Products are made in the element of x.
/// </summary>
internal static class StepLinearLowering
{
    /// <summary>(x, W) → y.</summary>
    public static IReadOnlyList<Operation> Lower(StepLinear op, Step step, LoweringContext context)
    {
        var (x, y) = (step.Inputs[0], step.Outputs[0]);
        var reach = new Reach(op, x.Shape);
        if (reach.Count == 0)
        {
            return [new Clear(y)];
        }

        var (w, convert) = ConversionLowering.To(step.Inputs[1], x.Storage.Type, context);
        var (unfolded, unfold) = Dense(reach.Unfolded(x), x.Storage.Type, context);
        var result = context.Scratch(y.Storage.Type, reach.Groups * reach.Count, y.Shape[2]);
        return
        [
            .. convert,
            unfold,
            new Product(unfolded, false, w, true, result, Accumulate: false),
            new Clear(y),
            ConversionLowering.Lower(result.Reshape(new Shape(reach.Groups, reach.Count, y.Shape[2]))!, reach.Positions(y)),
        ];
    }

    /// <summary>(x, W, dy) → (dx, dW).</summary>
    public static IReadOnlyList<Operation> Lower(StepLinearBackward op, Step step, LoweringContext context)
    {
        var (x, dx, dw) = (step.Inputs[0], step.Outputs[0], step.Outputs[1]);
        var reach = new Reach(new StepLinear(op.Width, op.Stride, op.History), x.Shape);
        if (reach.Count == 0)
        {
            return [new Clear(dx), new Clear(dw)];
        }

        var (w, convert) = ConversionLowering.To(step.Inputs[1], x.Storage.Type, context);
        var (unfolded, unfold) = Dense(reach.Unfolded(x), x.Storage.Type, context);
        var (dy, pick) = Dense(reach.Positions(step.Inputs[2]), x.Storage.Type, context);
        var gradient = context.Scratch(x.Storage.Type, unfolded.Shape.Extents);
        return
        [
            .. convert,
            unfold,
            pick,
            new Product(dy, true, unfolded, false, dw, Accumulate: false),
            new Product(dy, false, w, false, gradient, Accumulate: false),
            Fold(reach, gradient, dx),
        ];
    }

    /// <summary>A copy of [groups, reached, width] as the rows of a matrix.</summary>
    private static (View Matrix, Launch Copy) Dense(View view, Element element, LoweringContext context)
    {
        var matrix = context.Scratch(element, view.Shape[0] * view.Shape[1], view.Shape[2]);
        return (matrix, ConversionLowering.Lower(view, matrix.Reshape(view.Shape)!));
    }

    private static Launch Fold(Reach reach, View gradient, View dx)
    {
        var (rows, width) = (dx.Shape[0] * dx.Shape[1], dx.Shape[2]);
        var kernel = Kernel.FromFile(
            "StepFold.cu",
            "step_fold",
            ("ROWS", rows),
            ("POSITIONS", dx.Shape[1] - reach.Op.History),
            ("WIDTH", width),
            ("STEPS", reach.Op.Width),
            ("STRIDE", reach.Op.Stride),
            ("HISTORY", reach.Op.History),
            ("FIRST", reach.First),
            ("REACHED", reach.Count),
            ("VECTOR", VectorWidth.ChooseDense(width, gradient, dx)),
            ("THREADS", Blocks.Threads),
            ("X_TYPE", gradient.Storage.Type),
            ("Y_TYPE", dx.Storage.Type));
        return new Launch(kernel, new Grid(Blocks.OfWarps(rows)), Blocks.Threads, 0, [gradient, dx]);
    }

    /// <summary>The positions of a step layer that have a value: First, First + Stride, … in each group.</summary>
    private sealed class Reach
    {
        /// <param name="x">[groups, history + positions, width].</param>
        public Reach(StepLinear op, Shape x)
        {
            (Op, Groups) = (op, x[0]);
            var positions = x[1] - op.History;
            var reached = Enumerable.Range(0, positions).Where(t => StepLinear.Reaches(t, positions, op.Width, op.Stride, op.History)).ToArray();
            (First, Count) = (reached.FirstOrDefault(), reached.Length);
        }

        public StepLinear Op { get; }

        public int Groups { get; }

        public int First { get; }

        public int Count { get; }

        /// <summary>[groups, reached, n·d]: rows of dense x next to each other, so neighbors overlap.</summary>
        public View Unfolded(View x)
        {
            var (group, row) = (x.Strides[0], x.Strides[1]);
            var oldest = Op.History + First - (Op.Width - 1);
            return new View(x.Storage, x.Offset + oldest * row, new Shape(Groups, Count, Op.Width * x.Shape[2]), [group, Op.Stride * row, 1]);
        }

        /// <summary>[groups, reached, width]: the reached rows of y or dy.</summary>
        public View Positions(View y) =>
            new(y.Storage, y.Offset + First * y.Strides[1], new Shape(Groups, Count, y.Shape[2]), [y.Strides[0], Op.Stride * y.Strides[1], y.Strides[2]]);
    }
}
