using Baka.Compiler.Plans;
using Baka.Cpu.Kernels;
using Baka.Graph.Ops;

namespace Baka.Cpu.Execution;

/// <content>Scans and the convolution in front of them.</content>
internal sealed unsafe partial class StepBinder
{
    private static ConvolutionShape ConvolutionSizes(Step step)
    {
        var x = step.Inputs[0].Shape;
        return new ConvolutionShape(x[0], x[1], x[2], step.Inputs[3].Shape[0]);
    }

    private Action Convolution(Step step)
    {
        var shape = ConvolutionSizes(step);
        var kernel = _kernels.Get(shape, () => new ConvolutionForward(shape));
        var x = Rows(step.Inputs[0]);
        var begins = Floats(step.Inputs[1]);
        var tail = Floats(step.Inputs[2]);
        var w = Floats(step.Inputs[3]);
        var bias = Floats(step.Inputs[4]);
        var y = Floats(step.Outputs[0]);
        var next = Floats(step.Outputs[1]);
        return () =>
        {
            kernel.Input = x;
            kernel.Begins = begins;
            kernel.Tail = tail;
            kernel.Weight = w;
            kernel.Bias = bias;
            kernel.Output = y;
            kernel.NextTail = next;
            kernel.Run(_team);
        };
    }

    private Action ConvolutionGradient(DepthwiseConvolutionBackward op, Step step)
    {
        var shape = ConvolutionSizes(step);
        var kernel = _kernels.Get(shape, () => new ConvolutionBackward(shape, _kernels.Workers));
        var x = Rows(step.Inputs[0]);
        var begins = Floats(step.Inputs[1]);
        var tail = Floats(step.Inputs[2]);
        var w = Floats(step.Inputs[3]);
        var bias = Floats(step.Inputs[4]);
        var dy = Floats(step.Inputs[5]);
        var dNext = op.HasTail ? Floats(step.Inputs[6]) : null;
        var dx = Rows(step.Outputs[0]);
        var dTail = Floats(step.Outputs[1]);
        var dw = Floats(step.Outputs[2]);
        var dBias = Floats(step.Outputs[3]);
        return () =>
        {
            kernel.Input = x;
            kernel.Begins = begins;
            kernel.Tail = tail;
            kernel.Weight = w;
            kernel.Bias = bias;
            kernel.OutputGradient = dy;
            kernel.NextTailGradient = dNext;
            kernel.InputGradient = dx;
            kernel.TailGradient = dTail;
            kernel.WeightGradient = dw;
            kernel.BiasGradient = dBias;
            kernel.Run(_team);
        };
    }

    private static ScanShape Shape(bool selective, Step step)
    {
        var (u, state) = (step.Inputs[0].Shape, step.Inputs[2].Shape);
        return new ScanShape(u[0], u[1], u[2], state[1], selective);
    }

    private Action<ScanKernel> ScanInputs(bool selective, Step step)
    {
        var u = Floats(step.Inputs[0]);
        var begins = Floats(step.Inputs[1]);
        var state = Floats(step.Inputs[2]);
        var decay = Floats(step.Inputs[3]);
        var readout = selective ? null : Floats(step.Inputs[4]);
        var readouts = selective ? Rows(step.Inputs[4]) : default;
        var delta = selective ? Floats(step.Inputs[5]) : null;
        var gains = selective ? Rows(step.Inputs[6]) : default;
        var bias = selective ? Floats(step.Inputs[7]) : null;
        var skip = selective ? Floats(step.Inputs[8]) : null;
        return kernel =>
        {
            kernel.Added = u;
            kernel.Begins = begins;
            kernel.State = state;
            kernel.Decay = decay;
            kernel.Readout = readout;
            kernel.Readouts = readouts;
            kernel.Step = delta;
            kernel.Gains = gains;
            kernel.Bias = bias;
            kernel.Skip = skip;
        };
    }

    private Action Scan(Scan op, Step step)
    {
        var shape = Shape(op.Selective, step);
        var kernel = _kernels.Get(shape, () => new ScanForward(shape, _kernels.Workers));
        var bind = ScanInputs(op.Selective, step);
        var y = Floats(step.Outputs[0]);
        var final = Floats(step.Outputs[1]);
        var kept = Floats(step.Outputs[2]);
        return () =>
        {
            bind(kernel);
            kernel.Output = y;
            kernel.Final = final;
            kernel.Kept = kept;
            kernel.Run(_team);
        };
    }

    private Action ScanGradient(Graph.Ops.ScanBackward op, Step step)
    {
        var shape = Shape(op.Selective, step);
        var kernel = _kernels.Get(shape, () => new Kernels.ScanBackward(shape, _kernels.Workers));
        var bind = ScanInputs(op.Selective, step);
        var kept = Floats(step.Inputs[Graph.Ops.Scan.Inputs(op.Selective)]);
        var dy = Floats(step.Inputs[Graph.Ops.Scan.Inputs(op.Selective) + 1]);
        var dFinal = op.HasFinal ? Floats(step.Inputs[^1]) : null;
        var du = Floats(step.Outputs[0]);
        var dState = Floats(step.Outputs[1]);
        var dDecay = Floats(step.Outputs[2]);
        var dReadout = op.Selective ? null : Floats(step.Outputs[3]);
        var dReadouts = op.Selective ? Rows(step.Outputs[3]) : default;
        var dStep = op.Selective ? Floats(step.Outputs[4]) : null;
        var dGains = op.Selective ? Rows(step.Outputs[5]) : default;
        var dBias = op.Selective ? Floats(step.Outputs[6]) : null;
        var dSkip = op.Selective ? Floats(step.Outputs[7]) : null;
        return () =>
        {
            bind(kernel);
            kernel.Kept = kept;
            kernel.OutputGradient = dy;
            kernel.FinalGradient = dFinal;
            kernel.AddedGradient = du;
            kernel.StateGradient = dState;
            kernel.DecayGradient = dDecay;
            kernel.ReadoutGradient = dReadout;
            kernel.ReadoutGradients = dReadouts;
            kernel.StepGradient = dStep;
            kernel.GainGradients = dGains;
            kernel.BiasGradient = dBias;
            kernel.SkipGradient = dSkip;
            kernel.Run(_team);
        };
    }
}
