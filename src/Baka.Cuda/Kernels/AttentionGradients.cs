using Baka.Compiler.Plans;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>The operands that only the gradient of attention has.</summary>
/// <param name="Output">o of the forward pass.</param>
/// <param name="LogSumExp">Likewise, [B, h, W·S].</param>
/// <param name="Upstream">Gradient of o.</param>
/// <param name="PastKey">Without a gradient for the past, it stands for nothing.</param>
/// <param name="PastValue">Likewise.</param>
/// <param name="DetachPast">Queries give no gradient to keys and values before their own window.</param>
/// <param name="FirstSlot">The first slot of the key stream that takes a gradient.</param>
internal sealed record AttentionGradients(
    AttentionOperand Output,
    View LogSumExp,
    AttentionOperand Upstream,
    AttentionOperand Query,
    AttentionOperand Key,
    AttentionOperand Value,
    AttentionOperand PastKey,
    AttentionOperand PastValue,
    bool DetachPast,
    int FirstSlot)
{
    public static AttentionGradients Of(AttentionBackward op, AttentionShape shape, Step step)
    {
        AttentionOperand Rows(View view) => AttentionOperand.OfRows(view, shape);
        var (output, logSumExp, upstream) = (step.Inputs[^3], step.Inputs[^2], step.Inputs[^1]);
        var results = step.Outputs.Select(Rows).ToArray();
        var (pastKey, pastValue) = op.PastGradient ? (results[3], results[4]) : (results[1], results[2]);
        return new AttentionGradients(
            Rows(output), logSumExp, Rows(upstream), results[0], results[1], results[2], pastKey, pastValue,
            op.Forward.DetachPast, op.PastGradient ? 0 : shape.Past);
    }

    /// <summary>What kernels for dk and dv are told.</summary>
    public IEnumerable<(string Name, object Value)> KeyDefines() =>
    [
        .. Key.Defines("DK"),
        .. Value.Defines("DV"),
        .. PastKey.Defines("DKP"),
        .. PastValue.Defines("DVP"),
        ("FIRST_SLOT", FirstSlot),
    ];
}
