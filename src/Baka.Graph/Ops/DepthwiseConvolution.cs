using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// A short causal convolution, every channel by itself, and SiLU: <c>y_t = z_t σ(z_t)</c> with
/// <c>z_t = bias + Σ_j w_j ⊙ x_{t−k+1+j}</c>, where inputs before the last slot that begins something count as 0, whatever
/// they hold.
/// <para>Inputs: x [B, T, c]; begins [B, T], ≠ 0 where nothing lies before; tail [B, k − 1, c], the inputs before the first
/// slot; w [k, c], oldest first, k ≥ 2; bias [c].</para>
/// <para>Outputs: y [B, T, c]; the tail after the last slot, 0 where it lies before a beginning.</para>
/// </summary>
public sealed record DepthwiseConvolution : Op
{
    internal const int Input = 0, Begins = 1, Tail = 2, Weight = 3, Bias = 4;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count == 5 && inputs[Input].Shape.Rank == 3 && inputs[Weight].Shape.Rank == 2, "takes x [rows, slots, channels], begins, tail, a weight [width, channels] and a bias");
        var (rows, slots, channels) = (inputs[Input].Shape[0], inputs[Input].Shape[1], inputs[Input].Shape[2]);
        var width = inputs[Weight].Shape[0];
        Require(width >= 2, "has a weight for two slots at least");
        TensorSpec[] wanted = [inputs[Input], TensorSpec.Float(rows, slots), TensorSpec.Float(rows, width - 1, channels), TensorSpec.Float(width, channels), TensorSpec.Float(channels)];
        for (var i = 0; i < wanted.Length; i++)
        {
            Require(inputs[i].Equals(wanted[i]), $"input {i} is {wanted[i]}, not {inputs[i]}");
        }

        return [inputs[Input], inputs[Tail]];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var tail = context.OutputGradients[1];
        Tensor[] inputs = [.. context.Node.Inputs, context.Upstream, .. tail is null ? Array.Empty<Tensor>() : [tail]];
        var backward = context.Node.Graph.AddNode(new DepthwiseConvolutionBackward(tail is not null), inputs).Outputs;
        return [backward[0], null, backward[1], backward[2], backward[3]];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 2 * inputs[Input].Shape.Count * inputs[Weight].Shape[0];

    public override void Evaluate(Evaluation evaluation)
    {
        var at = new ConvolutionSlots(evaluation);
        var (y, tail) = (evaluation.Floats(0), evaluation.Floats(1));
        for (var b = 0; b < at.Rows; b++)
        {
            for (var c = 0; c < at.Channels; c++)
            {
                for (var t = 0; t < at.Slots; t++)
                {
                    var sum = at.Sum(b, t, c);
                    y[(b * at.Slots + t) * at.Channels + c] = (float)(sum / (1 + Math.Exp(-sum)));
                }

                for (var back = 0; back < at.Width - 1 && at.Reaches(b, at.Slots - 1, back); back++)
                {
                    tail[(b * (at.Width - 1) + at.Width - 2 - back) * at.Channels + c] = at.Value(b, at.Slots - 1 - back, c);
                }
            }
        }
    }
}

/// <summary>(dx, dTail, dw, dBias) of <see cref="DepthwiseConvolution"/> from its inputs, dy and perhaps the gradient of the tail it left.</summary>
public sealed record DepthwiseConvolutionBackward(bool HasTail) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) =>
        [inputs[DepthwiseConvolution.Input], inputs[DepthwiseConvolution.Tail], inputs[DepthwiseConvolution.Weight], inputs[DepthwiseConvolution.Bias]];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 4 * inputs[0].Shape.Count * inputs[DepthwiseConvolution.Weight].Shape[0];

    public override void Evaluate(Evaluation evaluation)
    {
        var at = new ConvolutionSlots(evaluation);
        var (w, dy, dTail) = (evaluation.In(DepthwiseConvolution.Weight), evaluation.In(5), HasTail ? evaluation.In(6) : null);
        double[][] sums = [.. Enumerable.Range(0, 4).Select(i => new double[evaluation.Floats(i).Length])];
        for (var b = 0; b < at.Rows; b++)
        {
            for (var c = 0; c < at.Channels; c++)
            {
                for (var t = 0; t < at.Slots; t++)
                {
                    var sum = at.Sum(b, t, c);
                    var sigmoid = 1 / (1 + Math.Exp(-sum));
                    var upstream = dy[(b * at.Slots + t) * at.Channels + c] * sigmoid * (1 + sum * (1 - sigmoid));
                    sums[3][c] += upstream;
                    for (var back = 0; back < at.Width && at.Reaches(b, t, back); back++)
                    {
                        var weight = (at.Width - 1 - back) * at.Channels + c;
                        sums[2][weight] += upstream * at.Value(b, t - back, c);
                        at.Add(sums, b, t - back, c, upstream * w[weight]);
                    }
                }

                for (var back = 0; dTail is not null && back < at.Width - 1 && at.Reaches(b, at.Slots - 1, back); back++)
                {
                    at.Add(sums, b, at.Slots - 1 - back, c, dTail[(b * (at.Width - 1) + at.Width - 2 - back) * at.Channels + c]);
                }
            }
        }

        for (var i = 0; i < sums.Length; i++)
        {
            for (var j = 0; j < sums[i].Length; j++)
            {
                evaluation.Floats(i)[j] = (float)sums[i][j];
            }
        }
    }
}

/// <summary>The slots of a convolution's input, those of the tail before 0.</summary>
internal sealed class ConvolutionSlots(Evaluation evaluation)
{
    public int Rows { get; } = evaluation.InShape(DepthwiseConvolution.Input)[0];

    public int Slots { get; } = evaluation.InShape(DepthwiseConvolution.Input)[1];

    public int Channels { get; } = evaluation.InShape(DepthwiseConvolution.Input)[2];

    public int Width { get; } = evaluation.InShape(DepthwiseConvolution.Weight)[0];

    /// <summary>Whether nothing begins behind the slot so many places back, up to slot t.</summary>
    public bool Reaches(int b, int t, int back) =>
        Enumerable.Range(t - back + 1, back).All(slot => slot < 0 || evaluation.In(DepthwiseConvolution.Begins)[b * Slots + slot] == 0);

    public float Value(int b, int slot, int c) => slot >= 0
        ? evaluation.In(DepthwiseConvolution.Input)[(b * Slots + slot) * Channels + c]
        : evaluation.In(DepthwiseConvolution.Tail)[(b * (Width - 1) + Width - 1 + slot) * Channels + c];

    /// <summary>z.</summary>
    public double Sum(int b, int t, int c)
    {
        var w = evaluation.In(DepthwiseConvolution.Weight);
        double sum = evaluation.In(DepthwiseConvolution.Bias)[c];
        for (var back = 0; back < Width && Reaches(b, t, back); back++)
        {
            sum += (double)w[(Width - 1 - back) * Channels + c] * Value(b, t - back, c);
        }

        return sum;
    }

    /// <summary>Adds to the gradient of a slot: of x, the first, or of the tail, the second.</summary>
    public void Add(double[][] gradients, int b, int slot, int c, double value)
    {
        if (slot >= 0)
        {
            gradients[0][(b * Slots + slot) * Channels + c] += value;
        }
        else
        {
            gradients[1][(b * (Width - 1) + Width - 1 + slot) * Channels + c] += value;
        }
    }
}
