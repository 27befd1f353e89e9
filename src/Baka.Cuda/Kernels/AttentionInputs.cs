using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>The operands that attention and its gradient share. Without a past, those of the past stand for nothing.</summary>
internal sealed record AttentionInputs(
    AttentionOperand Query,
    AttentionOperand Key,
    AttentionOperand Value,
    AttentionOperand PastKey,
    AttentionOperand PastValue,
    View First,
    View Last,
    View Position)
{
    public static AttentionInputs Of(AttentionShape shape, Step step)
    {
        AttentionOperand Rows(int input) => AttentionOperand.OfRows(step.Inputs[input], shape);
        var (key, value) = (Rows(1), Rows(2));
        var (pastKey, pastValue) = shape.Past > 0 ? (Rows(6), Rows(7)) : (key, value);
        return new AttentionInputs(Rows(0), key, value, pastKey, pastValue, step.Inputs[3], step.Inputs[4], step.Inputs[5]);
    }

    /// <summary>The sources of keys and values as kernels take them that read them where they lie.</summary>
    public IEnumerable<(string Name, object Value)> Defines() =>
    [
        .. Query.Defines("Q"),
        .. Key.Defines("K"),
        .. Value.Defines("V"),
        .. PastKey.Defines("KP"),
        .. PastValue.Defines("VP"),
    ];

    /// <summary>In the order of the parameters of such kernels.</summary>
    public IEnumerable<Argument> Arguments() =>
        [Query.View, Key.View, Value.View, PastKey.View, PastValue.View, First, Last, Position];
}
