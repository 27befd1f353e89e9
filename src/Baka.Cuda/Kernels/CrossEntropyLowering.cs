using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Linear layer and cross-entropy in chunks of rows: a chunk's logits live in scratch memory between the product that
/// makes them and the products that turn their gradient into dx and dw.
/// </summary>
internal static class CrossEntropyLowering
{
    private const int Threads = 512;

    /// <summary>What the logits of a chunk may always take.</summary>
    private const long ChunkBytes = 256L << 20;

    /// <summary>
    /// Every chunk reads and writes the whole gradient of the weight once, so there are not more of them however many rows
    /// there are: the memory for logits then grows as that for activations does, and stays a small part of it.
    /// </summary>
    private const int MostChunks = 4;

    /// <summary>Chunks are multiples of this many rows, as the tiles of products are.</summary>
    private const int RowMultiple = 128;

    /// <summary>What the kernel's own shared variables take at most.</summary>
    private const int StaticSharedBytes = 1024;

    /// <summary>(x, w, targets) → (nll, correct).</summary>
    public static IReadOnlyList<Operation> Lower(LinearCrossEntropy op, Step step, LoweringContext context) =>
        Lower(step, null, context);

    /// <summary>(x, w, targets, upstream) → nll and what is wanted of (dx, dw).</summary>
    public static IReadOnlyList<Operation> Lower(LinearCrossEntropyGradient op, Step step, LoweringContext context) =>
        Lower(step, Gradient.Of(op, step, adds: false), context);

    /// <summary>(x, w, targets, upstream, C) → nll, dx if it is wanted, and C + dw.</summary>
    public static IReadOnlyList<Operation> Lower(LinearCrossEntropyGradientAdd op, Step step, LoweringContext context) =>
        [
            .. CopyLowering.Into(step.Outputs[op.Sum], step.Inputs[op.Addend], context),
            .. Lower(step, Gradient.Of(op.Computed, step, adds: true), context),
        ];

    private static List<Operation> Lower(Step step, Gradient? gradient, LoweringContext context)
    {
        var (w, targets, nll) = (step.Inputs[1], step.Inputs[2], step.Outputs[0]);
        var (x, conversion) = ConversionLowering.To(step.Inputs[0], w.Storage.Type, context);
        var (rows, vocabulary, element) = (x.Shape[0], w.Shape[0], x.Storage.Type);

        // Whole vectors of 16 bytes, so that every row of logits begins at a multiple of them.
        var vector = Vector(element);
        var stride = (vocabulary + vector - 1) / vector * vector;
        var most = ChunkRows(rows, (long)stride * element.Bytes, gradient is null ? rows : MostChunks);
        var scratch = context.Scratch(element, most, stride).Slice(1, 0, vocabulary);

        CrossEntropyChunk Chunk(int start)
        {
            var count = Math.Min(most, rows - start);
            View Own(View view) => view.Slice(0, start, count);
            return new CrossEntropyChunk(
                Own(x), Own(targets), Own(nll), Own(gradient?.Upstream ?? step.Outputs[1]), scratch.Slice(0, 0, count),
                gradient?.Dx is { } dx ? Own(dx) : null, gradient?.Dw, gradient is { Adds: true } || start > 0);
        }

        CrossEntropyChunk[] chunks = [.. Enumerable.Range(0, Blocks.Count(rows, most)).Select(i => Chunk(i * most))];
        var hopper = gradient is not null && CrossEntropyHopper.Fits(chunks[0], w, context.Device) ? new CrossEntropyHopper(chunks[0], w, context) : null;
        return [.. conversion, .. chunks.SelectMany(chunk => hopper?.Lower(chunk) ?? Lower(chunk, w, gradient is not null, context))];
    }

    /// <summary>With a pass over the logits between the products.</summary>
    private static List<Operation> Lower(CrossEntropyChunk chunk, View w, bool isGradient, LoweringContext context)
    {
        var logits = chunk.Logits;
        var rowBytes = checked((int)logits.Strides[0] * logits.Storage.Type.Bytes);
        var held = isGradient && rowBytes + StaticSharedBytes <= context.Device.SharedBytesPerBlock;
        var kernel = Kernel.FromFile(
            "CrossEntropy.cu",
            "cross_entropy",
            ("WIDTH", logits.Shape[1]),
            ("STRIDE", logits.Strides[0]),
            ("VECTOR", Vector(logits.Storage.Type)),
            ("THREADS", Threads),
            ("GRADIENT", isGradient),
            ("HELD", held),
            ("LOGIT_TYPE", logits.Storage.Type),
            ("NLL_TYPE", chunk.Nll.Storage.Type),
            ("OTHER_TYPE", chunk.Other.Storage.Type));
        var operations = new List<Operation>
        {
            new Product(chunk.X, false, w, true, logits),
            new Launch(kernel, new Grid(logits.Shape[0]), Threads, held ? rowBytes : 0, [logits, chunk.Targets, chunk.Nll, chunk.Other]),
        };
        if (chunk.Dx is { } dx)
        {
            operations.Add(new Product(logits, false, w, false, dx));
        }

        if (chunk.Dw is { } dw)
        {
            operations.Add(new Product(logits, true, chunk.X, false, dw, chunk.Adds ? dw : null));
        }

        return operations;
    }

    private static int Vector(Element element) => 16 / element.Bytes;

    /// <param name="Dx">Null where it is not wanted, as <paramref name="Dw"/>.</param>
    /// <param name="Adds">Whether dw is added to what is there.</param>
    private sealed record Gradient(View Upstream, View? Dx, View? Dw, bool Adds)
    {
        public static Gradient Of(LinearCrossEntropyGradient op, Step step, bool adds) =>
            new(step.Inputs[3], op.InputAt is { } dx ? step.Outputs[dx] : null, op.WeightAt is { } dw ? step.Outputs[dw] : null, adds);
    }

    /// <summary>As few chunks as memory allows, all about equal.</summary>
    private static int ChunkRows(int rows, long rowBytes, int mostChunks)
    {
        var most = Math.Max(RowMultiple, ChunkBytes / rowBytes / RowMultiple * RowMultiple);
        var chunks = Math.Min(mostChunks, (rows + most - 1) / most);
        var even = (rows + chunks - 1) / chunks;
        return (int)Math.Min(rows, (even + RowMultiple - 1) / RowMultiple * RowMultiple);
    }
}
