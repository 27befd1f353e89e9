using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>The key stream as kernels on tensor cores take it.</summary>
/// <param name="Key">bf16 [B, key heads, P + W·S, f padded to a multiple of 16], turned to their places.</param>
/// <param name="Value">bf16 rows that can be copied as the kernels do: as they lie, or packed like the keys.</param>
/// <param name="PastValue">Likewise.</param>
/// <param name="IsSwizzled">Whether pieces of keys lie as <c>Hopper.cuh</c> says.</param>
/// <param name="Rotations">f32 [P + W·S, f padded / 2, 2], cosines and sines of the rotary angles; nothing without rotation.</param>
/// <param name="Counters">i32 [2], 0: for kernels whose blocks take one item of work after the other.</param>
/// <param name="Packing">What makes it so.</param>
internal sealed record AttentionStream(
    View Key, AttentionOperand Value, AttentionOperand PastValue, bool IsSwizzled, View Rotations, View Counters, Launch Packing)
{
    private const int Threads = 256;

    /// <summary>Columns that a thread does at a time.</summary>
    private const int Piece = 8;

    private const int CounterCount = 2;

    /// <summary>Heads that share a thread's angles: few, so that there are threads enough.</summary>
    private const int HeadsAtATime = 2;

    /// <param name="onlyFinite">Keys that are not finite become 0, for products in which a weight of 0 has to hide them.</param>
    public static AttentionStream Pack(AttentionShape shape, AttentionInputs inputs, bool onlyFinite, LoweringContext context) =>
        Pack(shape, inputs, shape.Stream, swizzled: false, copiedBytes: 8, onlyFinite, context);

    /// <summary>The same for kernels that take whole tiles of keys: swizzled, and as many rows as make up a multiple of 8.</summary>
    public static AttentionStream PackSwizzled(AttentionShape shape, AttentionInputs inputs, bool onlyFinite, LoweringContext context) =>
        Pack(shape, inputs, (shape.Stream + 7) / 8 * 8, swizzled: true, copiedBytes: 16, onlyFinite, context);

    /// <summary>What kernels that take it are told.</summary>
    public IEnumerable<(string Name, object Value)> Defines() =>
        [.. Value.Defines("V"), .. PastValue.Defines("VP"), ("VALUE_VECTOR", Math.Min(Value.Vector, PastValue.Vector)), ("KEY_ROWS", Key.Shape[2]), ("SWIZZLED", IsSwizzled)];

    /// <summary>One of the counters.</summary>
    public View Counter(int index) => Counters.Slice(0, index, 1);

    /// <param name="copiedBytes">What kernels copy of values at a time, at least.</param>
    private static AttentionStream Pack(
        AttentionShape shape, AttentionInputs inputs, int keyRows, bool swizzled, int copiedBytes, bool onlyFinite, LoweringContext context)
    {
        var packsValues = !inputs.Value.IsCopyableBy(copiedBytes) || !inputs.PastValue.IsCopyableBy(copiedBytes);
        var key = context.Scratch(Element.BFloat16, shape.Batch, shape.KeyHeads, keyRows, shape.PaddedWidth);
        var value = packsValues ? context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, shape.Stream, shape.PaddedWidth) : key;
        var rotations = context.Scratch(Element.Float32, shape.Theta == 0 ? 1 : shape.Stream, shape.PaddedWidth);
        var counters = context.Scratch(Element.Int32, CounterCount);
        var kernel = AttentionSources.Kernel(
            "attention_pack",
            [
                .. shape.Defines(), .. inputs.Key.Defines("K"), .. inputs.PastKey.Defines("KP"), .. inputs.Value.Defines("V"), .. inputs.PastValue.Defines("VP"),
                ("THREADS", Threads), ("COUNTERS", CounterCount), ("HEADS_AT_A_TIME", HeadsAtATime), ("KEY_ROWS", keyRows), ("SWIZZLED", swizzled), ("ONLY_FINITE", onlyFinite), ("PACK_VALUES", packsValues),
            ],
            "Rope.cu", "AttentionColumns.cu", "AttentionPack.cu");
        var pieces = (long)shape.Batch * shape.Stream * (shape.PaddedWidth / Piece);
        var grid = new Grid(Blocks.Count(pieces, Threads), Blocks.Count(packsValues ? shape.Heads : shape.KeyHeads, HeadsAtATime), packsValues ? 2 : 1);
        var packing = new Launch(kernel, grid, Threads, 0, [inputs.Key.View, inputs.PastKey.View, inputs.Value.View, inputs.PastValue.View, key, value, rotations, counters]);
        if (!packsValues)
        {
            return new AttentionStream(key, inputs.Value, inputs.PastValue, swizzled, rotations, counters, packing);
        }

        var now = AttentionOperand.OfHeads(value.Slice(2, shape.Past, shape.Queries));
        return new AttentionStream(key, now, shape.Past > 0 ? AttentionOperand.OfHeads(value.Slice(2, 0, shape.Past)) : now, swizzled, rotations, counters, packing);
    }
}
