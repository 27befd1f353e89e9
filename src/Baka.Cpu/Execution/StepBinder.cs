using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cpu.Elementwise;
using Baka.Cpu.Gemm;
using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;
using Baka.Graph;
using Baka.Graph.Ops;
using GraphAttention = Baka.Graph.Ops.Attention;

namespace Baka.Cpu.Execution;

/// <summary>Finds the kernel for each step of a plan and binds it to the addresses of its operands.</summary>
internal sealed unsafe class StepBinder(CpuProgram program, CpuDevice device, int group)
{
    private readonly ThreadTeam _team = device.Team;
    private readonly KernelCache _kernels = device.Kernels;

    /// <summary>The step as something to call.</summary>
    public Action Bind(Step step) => step.Op switch
    {
        FusedElementwise op => Elementwise(op, step),
        MatMul op => Product(op, step, null),
        MatMulAdd op => Product(op.Product, step, step.Inputs[2]),
        BatchMatMul op => BatchProduct(op, step, null),
        BatchMatMulAdd op => BatchProduct(op.Product, step, step.Inputs[2]),
        Graph.Ops.Roll op => Roll(op, step),
        Compiler.Plans.Copy => Copy(step.Inputs[0], step.Outputs[0]),
        GraphAttention op => Attention(op, step),
        Graph.Ops.AttentionBackward op => AttentionGradient(op, step),
        Norm op => Norm(op, step),
        Graph.Ops.NormBackward op => NormGradient(op, step),
        Graph.Ops.LinearCrossEntropy => CrossEntropy(step),
        LinearCrossEntropyGradient op => CrossEntropyGradient(op, step),
        Graph.Ops.GatherRows => Gather(step),
        Graph.Ops.ScatterRows => Scatter(step),
        ReplaceRows => Replace(step),
        StepLinear op => StepLinear(op, step),
        StepLinearBackward op => StepLinearGradient(op, step),
        DepthwiseConvolution => Convolution(step),
        DepthwiseConvolutionBackward op => ConvolutionGradient(op, step),
        Scan op => Scan(op, step),
        Graph.Ops.ScanBackward op => ScanGradient(op, step),
        Sum op => Sum(op, step),
        Graph.Ops.SumOfSquares => SumOfSquares(step),
        ConvertToFloat => Convert(step),
        _ => throw new NotSupportedException($"{step.Module}: the CPU has no kernel for {step.Op.Kind}."),
    };

    private nint Address(View view) => program.Address(view, group);

    private float* Floats(View view) => (float*)Address(view);

    private int* Ints(View view) => (int*)Address(view);

    /// <summary>A matrix or a batch of matrices whose rows are contiguous.</summary>
    private Rows Rows(View view) => view.Shape.Rank == 2
        ? new Rows(Floats(view), (nint)view.Strides[0])
        : new Rows(Floats(view), (nint)view.Strides[1], (nint)view.Strides[0]);

    private Matrix Matrix(View view) => new(Floats(view), (nint)view.Strides[0], (nint)view.Strides[1]);

    private Action Elementwise(FusedElementwise op, Step step)
    {
        View[] operands = [.. step.Inputs, .. step.Outputs];
        var kernel = new FusedKernel(op, new ElementwiseLoops(operands), [.. operands.Select(Address)], _team.Size);
        return () => kernel.Run(_team);
    }

    private Action Product(MatMul op, Step step, View? addend)
    {
        var (m, k, n) = op.Sizes([new(DType.Float32, step.Inputs[0].Shape), new(DType.Float32, step.Inputs[1].Shape)]);
        var a = op.TransposeA ? Matrix(step.Inputs[0]).Transposed : Matrix(step.Inputs[0]);
        var b = op.TransposeB ? Matrix(step.Inputs[1]).Transposed : Matrix(step.Inputs[1]);
        var c = Matrix(step.Outputs[0]);
        var accumulate = addend is not null;
        var prepare = addend is not null && Floats(addend) != c.Data ? Copy(addend, step.Outputs[0]) : null;
        return () =>
        {
            prepare?.Invoke();
            Sgemm.Multiply(_team, m, n, k, a, b, c, accumulate);
        };
    }

    private Action BatchProduct(BatchMatMul op, Step step, View? addend)
    {
        var (left, right) = (step.Inputs[0], step.Inputs[1]);
        var (batch, (m, k, n)) = (left.Shape[0], op.Sizes(left.Shape, right.Shape));
        var accumulate = addend is not null;
        var kernel = _kernels.Get((batch, m, n, k, accumulate), () => new BatchProduct(batch, m, n, k, accumulate));
        var (a, b) = (MatrixOf(left, op.TransposeA), MatrixOf(right, op.TransposeB));
        var (leftStride, rightStride) = ((nint)left.Strides[0], (nint)right.Strides[0]);
        var c = Floats(step.Outputs[0]);
        var prepare = addend is not null && Floats(addend) != c ? Copy(addend, step.Outputs[0]) : null;
        return () =>
        {
            prepare?.Invoke();
            kernel.Left = a;
            kernel.Right = b;
            kernel.LeftStride = leftStride;
            kernel.RightStride = rightStride;
            kernel.Output = c;
            kernel.Run(_team);
        };

        // The first of the batch.
        Matrix MatrixOf(View view, bool transposed)
        {
            var matrix = new Matrix(Floats(view), (nint)view.Strides[1], (nint)view.Strides[2]);
            return transposed ? matrix.Transposed : matrix;
        }
    }

    private Action Roll(Graph.Ops.Roll op, Step step)
    {
        var view = step.Inputs[0];
        var (rows, heads, slots, width) = (view.Shape[0], view.Shape[1], view.Shape[2], view.Shape[3]);
        var kernel = _kernels.Get((rows, heads, slots, width, op.Back), () => new Kernels.Roll(rows, heads, slots, width, op.Back));
        var x = Floats(view);
        var strides = ((nint)view.Strides[0], (nint)view.Strides[1], (nint)view.Strides[2]);
        var shift = Ints(step.Inputs[1]);
        var length = Ints(step.Inputs[3]);
        var y = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Strides = strides;
            kernel.Shift = shift;
            kernel.Length = length;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action Copy(View from, View to)
    {
        var kernel = _kernels.Get(
            (Key(from.Shape.Extents), Key(from.Strides), Key(to.Strides)),
            () => new CopyKernel(from.Shape.Extents, [.. from.Strides], [.. to.Strides]));
        var source = Floats(from);
        var target = Floats(to);
        return () =>
        {
            kernel.Input = source;
            kernel.Output = target;
            kernel.Run(_team);
        };
    }

    private static string Key(ReadOnlySpan<int> numbers) => string.Join(",", numbers.ToArray());

    private static string Key(IEnumerable<long> numbers) => string.Join(",", numbers);

    private static AttentionShape Shape(GraphAttention op, Step step)
    {
        var q = step.Inputs[0].Shape;
        var past = step.Inputs.Count is 8 or 11 ? step.Inputs[6].Shape[1] : 0;
        return new AttentionShape(q[0], op.Windows, q[1] / op.Windows, op.Heads, q[2] / op.Heads, past);
    }

    private RopeTable? Rope(GraphAttention op, AttentionShape shape) =>
        op.Theta == 0 ? null : _kernels.Rope(shape.Keys, shape.HeadWidth, op.Theta);

    private Action<AttentionKernel> AttentionInputs(AttentionShape shape, Step step)
    {
        var (q, k, v) = (Rows(step.Inputs[0]), Rows(step.Inputs[1]), Rows(step.Inputs[2]));
        var first = Ints(step.Inputs[3]);
        var last = Ints(step.Inputs[4]);
        var position = Ints(step.Inputs[5]);
        var (pastKey, pastValue) = shape.Past > 0 ? (Rows(step.Inputs[6]), Rows(step.Inputs[7])) : default;
        return kernel =>
        {
            kernel.Query = q;
            kernel.Key = k;
            kernel.Value = v;
            kernel.PastKey = pastKey;
            kernel.PastValue = pastValue;
            kernel.First = first;
            kernel.Last = last;
            kernel.QueryPosition = position;
        };
    }

    private Action Attention(GraphAttention op, Step step)
    {
        var shape = Shape(op, step);
        var kernel = _kernels.Get((shape, op.Theta), () => new AttentionForward(shape, Rope(op, shape), _kernels.Workers));
        var bind = AttentionInputs(shape, step);
        var output = Rows(step.Outputs[0]);
        var logSumExp = Floats(step.Outputs[1]);
        return () =>
        {
            bind(kernel);
            kernel.Output = output;
            kernel.LogSumExp = logSumExp;
            kernel.Run(_team);
        };
    }

    private Action AttentionGradient(Graph.Ops.AttentionBackward op, Step step)
    {
        var shape = Shape(op.Forward, step);
        var detach = op.Forward.DetachPast;
        var kernel = _kernels.Get((shape, op.Forward.Theta, detach), () => new Kernels.AttentionBackward(shape, Rope(op.Forward, shape), _kernels.Workers, detach));
        var bind = AttentionInputs(shape, step);
        var n = step.Inputs.Count;
        var output = Rows(step.Inputs[n - 3]);
        var logSumExp = Floats(step.Inputs[n - 2]);
        var upstream = Rows(step.Inputs[n - 1]);
        var (dq, dk, dv) = (Rows(step.Outputs[0]), Rows(step.Outputs[1]), Rows(step.Outputs[2]));
        var (dPastKey, dPastValue) = op.PastGradient ? (Rows(step.Outputs[3]), Rows(step.Outputs[4])) : default;
        return () =>
        {
            bind(kernel);
            kernel.Output = output;
            kernel.LogSumExp = logSumExp;
            kernel.OutputGradient = upstream;
            kernel.QueryGradient = dq;
            kernel.KeyGradient = dk;
            kernel.ValueGradient = dv;
            kernel.PastKeyGradient = dPastKey;
            kernel.PastValueGradient = dPastValue;
            kernel.Run(_team);
        };
    }

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

    private Action Gather(Step step)
    {
        var (source, width, count) = (step.Inputs[0].Shape[0], step.Inputs[0].Shape[1], step.Inputs[1].Shape[0]);
        var kernel = _kernels.Get((source, width, count), () => new Kernels.GatherRows(source, width, count));
        var x = Rows(step.Inputs[0]);
        var index = Ints(step.Inputs[1]);
        var y = Rows(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Index = index;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action Scatter(Step step)
    {
        var (target, width, count) = (step.Outputs[0].Shape[0], step.Inputs[0].Shape[1], step.Inputs[1].Shape[0]);
        var kernel = _kernels.Get((target, width, count), () => new Kernels.ScatterRows(target, width, count));
        var dy = Rows(step.Inputs[0]);
        var index = Ints(step.Inputs[1]);
        var dx = Rows(step.Outputs[0]);
        return () =>
        {
            kernel.OutputGradient = dy;
            kernel.Index = index;
            kernel.InputGradient = dx;
            kernel.Run(_team);
        };
    }

    private Action Replace(Step step)
    {
        var (from, to) = (step.Inputs[0], step.Outputs[0]);
        var prepare = Floats(from) != Floats(to) ? Copy(from, to) : null;
        var target = Floats(to);
        var rows = Floats(step.Inputs[1]);
        var index = Ints(step.Inputs[2]);
        var (count, width) = (step.Inputs[1].Shape[0], step.Inputs[1].Shape[1]);
        return () =>
        {
            prepare?.Invoke();
            for (var i = 0; i < count; i++)
            {
                new Span<float>(rows + (long)i * width, width).CopyTo(new Span<float>(target + (long)index[i] * width, width));
            }
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
        var kernel = _kernels.Get(shape, () => new ConvolutionBackward(shape));
        var x = Rows(step.Inputs[0]);
        var begins = Floats(step.Inputs[1]);
        var tail = Floats(step.Inputs[2]);
        var w = Floats(step.Inputs[3]);
        var dy = Floats(step.Inputs[4]);
        var dNext = op.HasTail ? Floats(step.Inputs[5]) : null;
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
        var readout = Floats(step.Inputs[4]);
        var delta = selective ? Floats(step.Inputs[5]) : null;
        var gain = selective ? Floats(step.Inputs[6]) : null;
        return kernel =>
        {
            kernel.Added = u;
            kernel.Begins = begins;
            kernel.State = state;
            kernel.Decay = decay;
            kernel.Readout = readout;
            kernel.Step = delta;
            kernel.Gain = gain;
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
        var kept = Floats(step.Inputs[op.Selective ? 7 : 5]);
        var dy = Floats(step.Inputs[op.Selective ? 8 : 6]);
        var dFinal = op.HasFinal ? Floats(step.Inputs[^1]) : null;
        var du = Floats(step.Outputs[0]);
        var dState = Floats(step.Outputs[1]);
        var dDecay = Floats(step.Outputs[2]);
        var dReadout = Floats(step.Outputs[3]);
        var dStep = op.Selective ? Floats(step.Outputs[4]) : null;
        var dGain = op.Selective ? Floats(step.Outputs[5]) : null;
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
            kernel.StepGradient = dStep;
            kernel.GainGradient = dGain;
            kernel.Run(_team);
        };
    }

    private Action Sum(Sum op, Step step)
    {
        var shape = step.Inputs[0].Shape;
        var (firstAxis, lastAxis) = (op.Axes[0], op.Axes[^1]);
        var (outer, reduced, inner) = (shape.Product(0, firstAxis), shape.Product(firstAxis, lastAxis + 1), shape.Product(lastAxis + 1, shape.Rank));
        var kernel = _kernels.Get((outer, reduced, inner), () => new SumKernel(outer, reduced, inner, _kernels.Workers));
        var x = Floats(step.Inputs[0]);
        var y = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action SumOfSquares(Step step)
    {
        var kernel = _kernels.Get(0, () => new Kernels.SumOfSquares(_kernels.Workers));
        (nint, long)[] inputs = [.. step.Inputs.Select(i => (Address(i), i.Shape.Count))];
        var output = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Inputs = inputs;
            kernel.Output = output;
            kernel.Run(_team);
        };
    }

    private Action Convert(Step step)
    {
        var from = Ints(step.Inputs[0]);
        var to = Floats(step.Outputs[0]);
        var count = step.Outputs[0].Shape.Count;
        return () =>
        {
            for (var i = 0L; i < count; i++)
            {
                to[i] = from[i];
            }
        };
    }
}
