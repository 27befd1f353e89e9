using Baka.Compiler.Plans;
using Baka.Cpu.Kernels;
using Baka.Graph.Ops;

namespace Baka.Cpu.Execution;

/// <content>Norms, StepForward, linear layers with cross-entropy.</content>
internal sealed unsafe partial class StepBinder
{
    private Action Norm(Norm op, Step step)
    {
        var (rows, width) = (step.Inputs[0].Shape[0], step.Inputs[0].Shape[1]);
        var kernel = _kernels.Get((rows, width, op.Centered), () => new NormForward(1, rows, width, op.Centered));
        var x = Rows(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var y = Rows(step.Outputs[0]);
        var statistics = Floats(step.Outputs[1]);
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.Output = y;
            kernel.Statistics = statistics;
            kernel.Run(_team);
        };
    }

    private Action NormGradient(Graph.Ops.NormBackward op, Step step)
    {
        var (rows, width) = (step.Inputs[0].Shape[0], step.Inputs[0].Shape[1]);
        var kernel = _kernels.Get((rows, width, op.Centered), () => new Kernels.NormBackward(1, rows, width, op.Centered, accumulate: false, _kernels.Workers));
        var x = Rows(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var statistics = Floats(step.Inputs[2]);
        var dy = Rows(step.Inputs[3]);
        var dx = Rows(step.Outputs[0]);
        var dw = op.OfWeight ? Floats(step.Outputs[1]) : null;
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.Statistics = statistics;
            kernel.OutputGradient = dy;
            kernel.InputGradient = dx;
            kernel.WeightGradient = dw;
            kernel.Run(_team);
        };
    }

    private Kernels.LinearCrossEntropy CrossEntropyKernel(Step step, bool backward)
    {
        var (rows, width, vocabulary) = (step.Inputs[0].Shape[0], step.Inputs[0].Shape[1], step.Inputs[1].Shape[0]);
        return _kernels.Get((rows, width, vocabulary, backward), () => new Kernels.LinearCrossEntropy(rows, width, vocabulary, backward));
    }

    private Action CrossEntropy(Step step)
    {
        var kernel = CrossEntropyKernel(step, backward: false);
        var x = Rows(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var targets = Ints(step.Inputs[2]);
        var loss = Floats(step.Outputs[0]);
        var correct = Floats(step.Outputs[1]);
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.Targets = targets;
            kernel.Loss = loss;
            kernel.Correct = correct;
            kernel.Run(_team);
        };
    }

    private Action CrossEntropyGradient(LinearCrossEntropyGradient op, Step step)
    {
        var kernel = CrossEntropyKernel(step, backward: true);
        var x = Rows(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var targets = Ints(step.Inputs[2]);
        var upstream = Floats(step.Inputs[3]);
        var loss = Floats(step.Outputs[0]);
        var dx = op.InputAt is { } input ? Rows(step.Outputs[input]) : default;
        var dw = op.WeightAt is { } weight ? Floats(step.Outputs[weight]) : null;
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.Targets = targets;
            kernel.LossGradient = upstream;
            kernel.Loss = loss;
            kernel.InputGradient = dx;
            kernel.WeightGradient = dw;
            kernel.Run(_team);
        };
    }

    private static StepForwardShape Shape(StepLinear op, Step step)
    {
        var (x, w) = (step.Inputs[0].Shape, step.Inputs[1].Shape);
        return new StepForwardShape(x[0], op.History, x[1] - op.History, x[2], w[0], op.Width, op.Stride);
    }

    private Action StepLinear(StepLinear op, Step step)
    {
        var shape = Shape(op, step);
        var kernel = _kernels.Get(shape, () => new StepForward(shape));
        var x = Floats(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var y = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action StepLinearGradient(StepLinearBackward op, Step step)
    {
        var shape = Shape(op.Forward, step);
        var kernel = _kernels.Get(shape, () => new StepBackward(shape));
        var x = Floats(step.Inputs[0]);
        var w = Floats(step.Inputs[1]);
        var dy = Floats(step.Inputs[2]);
        var dx = op.Wanted.InputAt(first: 0) is { } input ? Floats(step.Outputs[input]) : null;
        var dw = op.Wanted.WeightAt(first: 0) is { } weight ? Floats(step.Outputs[weight]) : null;
        return () =>
        {
            kernel.Input = x;
            kernel.Weight = w;
            kernel.OutputGradient = dy;
            kernel.InputGradient = dx;
            kernel.WeightGradient = dw;
            kernel.Run(_team);
        };
    }
}
