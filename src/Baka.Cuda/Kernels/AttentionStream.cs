using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>The key stream as kernels on tensor cores take it.</summary>
/// <param name="Key">bf16 [B, key heads, P + W·S, f padded to a multiple of 16], turned to their places.</param>
/// <param name="Value">bf16 rows that can be copied by 16 bytes: as they lie, or packed like the keys.</param>
/// <param name="PastValue">Likewise.</param>
/// <param name="Operations">What makes it so.</param>
internal sealed record AttentionStream(View Key, AttentionOperand Value, AttentionOperand PastValue, IReadOnlyList<Operation> Operations)
{
    private const int Threads = 256;

    /// <summary>Columns that a thread does at a time.</summary>
    private const int Piece = 8;

    /// <param name="onlyFinite">Keys that are not finite become 0, for products in which a weight of 0 has to hide them.</param>
    public static AttentionStream Pack(AttentionShape shape, AttentionInputs inputs, bool onlyFinite, LoweringContext context)
    {
        var operations = new List<Operation>();
        var key = context.Scratch(Element.BFloat16, shape.Batch, shape.KeyHeads, shape.Stream, shape.PaddedWidth);
        PackBoth(inputs.PastKey, inputs.Key, key, shape with { Heads = shape.KeyHeads }, onlyFinite, operations);
        return WithValues(key, shape, inputs, operations, context);
    }

    /// <summary>The same for kernels that take whole tiles of keys: swizzled, [B, key heads, P + W·S rounded up to 8, f].</summary>
    public static AttentionStream PackSwizzled(AttentionShape shape, AttentionInputs inputs, bool onlyFinite, LoweringContext context)
    {
        var key = context.Scratch(Element.BFloat16, shape.Batch, shape.KeyHeads, (shape.Stream + 7) / 8 * 8, shape.HeadWidth);

        // Heads that share a thread's angles: few, so that there are threads enough.
        var heads = shape.KeyHeads % 2 == 0 ? 2 : 1;
        var kernel = AttentionSources.Kernel(
            "attention_hopper_pack",
            [
                .. shape.Defines(), .. inputs.Key.Defines("K"), .. inputs.PastKey.Defines("KP"),
                ("KEY_ROWS", key.Shape[2]), ("HEADS_AT_A_TIME", heads), ("ONLY_FINITE", onlyFinite),
            ],
            "Rope.cu", "AttentionHopperPack.cu");
        var pieces = (long)shape.Batch * shape.Stream * (shape.HeadWidth / Piece);
        var launch = new Launch(kernel, new Grid((int)((pieces + Threads - 1) / Threads), shape.KeyHeads / heads), Threads, 0, [inputs.Key.View, inputs.PastKey.View, key]);
        return WithValues(key, shape, inputs, [launch], context);
    }

    private static AttentionStream WithValues(View key, AttentionShape shape, AttentionInputs inputs, List<Operation> operations, LoweringContext context)
    {
        if (inputs.Value.IsCopyable && inputs.PastValue.IsCopyable)
        {
            return new AttentionStream(key, inputs.Value, inputs.PastValue, operations);
        }

        var value = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, shape.Stream, shape.PaddedWidth);
        var (pastValue, ownValue) = PackBoth(inputs.PastValue, inputs.Value, value, shape with { Theta = 0 }, onlyFinite: false, operations);
        return new AttentionStream(key, ownValue, pastValue, operations);
    }

    public IEnumerable<(string Name, object Value)> ValueDefines() => [.. Value.Defines("V"), .. PastValue.Defines("VP")];

    private static (AttentionOperand Past, AttentionOperand Now) PackBoth(
        AttentionOperand past, AttentionOperand now, View stream, AttentionShape shape, bool onlyFinite, List<Operation> operations)
    {
        var packedNow = AttentionOperand.OfHeads(stream.Slice(2, shape.Past, shape.Queries));
        operations.Add(Pack(now, packedNow, shape, shape.Past, shape.Queries, onlyFinite));
        if (shape.Past == 0)
        {
            return (packedNow, packedNow);
        }

        var packedPast = AttentionOperand.OfHeads(stream.Slice(2, 0, shape.Past));
        operations.Add(Pack(past, packedPast, shape, 0, shape.Past, onlyFinite));
        return (packedPast, packedNow);
    }

    private static Launch Pack(AttentionOperand x, AttentionOperand y, AttentionShape shape, int firstSlot, int rows, bool onlyFinite)
    {
        var kernel = AttentionSources.Kernel(
            "attention_pack",
            [
                .. shape.Defines(), .. x.Defines("X"), .. y.Defines("Y"),
                ("FIRST_SLOT", firstSlot), ("ROWS", rows), ("PIECE", Piece), ("ONLY_FINITE", onlyFinite),
            ],
            "Rope.cu", "AttentionColumns.cu", "AttentionPack.cu");
        var pieces = (long)shape.Batch * rows * (shape.PaddedWidth / Piece);
        return new Launch(kernel, new Grid((int)((pieces + Threads - 1) / Threads)), Threads, 0, [x.View, y.View]);
    }
}
