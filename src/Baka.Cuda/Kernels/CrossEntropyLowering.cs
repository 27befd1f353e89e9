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
        var nll = step.Outputs[0];
        var (w, targets) = (step.Inputs[1], step.Inputs[2]);
        var (x, conversion) = ConversionLowering.To(step.Inputs[0], w.Storage.Type, context);
        var (rows, vocabulary, element) = (x.Shape[0], w.Shape[0], x.Storage.Type);

        // Whole vectors of 16 bytes, so that every row of logits begins at a multiple of them.
        var vector = 16 / element.Bytes;
        var stride = (vocabulary + vector - 1) / vector * vector;
        var chunk = ChunkRows(rows, (long)stride * element.Bytes, gradient is null ? rows : MostChunks);
        var scratch = context.Scratch(element, chunk, stride);
        var rowBytes = stride * element.Bytes;
        var held = gradient is not null && rowBytes + StaticSharedBytes <= context.Device.SharedBytesPerBlock;
        var kernel = Kernel.FromFile(
            "CrossEntropy.cu",
            "cross_entropy",
            ("WIDTH", vocabulary),
            ("STRIDE", stride),
            ("VECTOR", vector),
            ("THREADS", Threads),
            ("GRADIENT", gradient is not null),
            ("HELD", held),
            ("LOGIT_TYPE", element),
            ("NLL_TYPE", nll.Storage.Type),
            ("OTHER_TYPE", (gradient?.Upstream ?? step.Outputs[1]).Storage.Type));

        var operations = new List<Operation>(conversion);
        for (var start = 0; start < rows; start += chunk)
        {
            View Chunk(View view) => view.Slice(0, start, Math.Min(chunk, rows - start));
            var logits = scratch.Slice(1, 0, vocabulary).Slice(0, 0, Math.Min(chunk, rows - start));
            operations.Add(new Product(Chunk(x), false, w, true, logits));

            // What is read for a gradient, or else written instead of one.
            View[] operands = [logits, Chunk(targets), Chunk(nll), Chunk(gradient?.Upstream ?? step.Outputs[1])];
            operations.Add(new Launch(kernel, new Grid(logits.Shape[0]), Threads, held ? rowBytes : 0, [.. operands.Select(o => (Argument)o)]));
            if (gradient?.Dx is { } dx)
            {
                operations.Add(new Product(logits, false, w, false, Chunk(dx)));
            }

            if (gradient?.Dw is { } dw)
            {
                operations.Add(new Product(logits, true, Chunk(x), false, dw, gradient.Adds || start > 0 ? dw : null));
            }
        }

        return operations;
    }

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
