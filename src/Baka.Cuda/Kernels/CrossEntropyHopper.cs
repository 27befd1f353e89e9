using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Gradients of linear + cross-entropy without a pass over the logits between the products: the first product gives the
/// weights e_v = exp(logit_v − the target's logit) and their sum S, for the target's logit is known before the others. With
/// −S in the target's place, softmax − onehot = e / (1 + S), and dx = f·(e w), dw = eᵀ(f·x) with f = upstream / (1 + S) of each row.
/// </summary>
internal sealed class CrossEntropyHopper
{
    /// <summary>Of a block that ends a row's weights.</summary>
    private const int RowThreads = 128;

    /// <summary>The greatest S, that of a loss of 60 nats, with which e, f and what they are multiplied by stay within the range of bf16.</summary>
    private static readonly float Limit = MathF.Exp(60);

    private readonly View _w;
    private readonly LoweringContext _context;
    private readonly View _targetLogits;
    private readonly View _sums;
    private readonly View _factors;
    private readonly View? _scaled;

    /// <param name="largest">The chunk with the most rows: all share their scratch memory.</param>
    /// <param name="w">[V, d].</param>
    public CrossEntropyHopper(CrossEntropyChunk largest, View w, LoweringContext context)
    {
        (_w, _context) = (w, context);
        var rows = largest.X.Shape[0];
        _targetLogits = context.Scratch(Element.Float32, rows);
        _sums = context.Scratch(Element.Float32, rows, ProductHopper.TilesAcross(w.Shape[0]));
        _factors = context.Scratch(Element.Float32, rows, 1);
        _scaled = largest.Dw is null ? null : context.Scratch(Element.BFloat16, rows, w.Shape[1]);
    }

    /// <summary>Whether operands, and so those of every chunk, lie as the product needs them.</summary>
    public static bool Fits(CrossEntropyChunk largest, View w, DeviceProfile device) => new ProductHopper(largest.X, [w]) { Outputs = [largest.Logits] }.Fits(device);

    /// <summary>What gives nll and gradients of a chunk.</summary>
    public IReadOnlyList<Operation> Lower(CrossEntropyChunk chunk)
    {
        View Own(View scratch) => scratch.Slice(0, 0, chunk.X.Shape[0]);
        var (targetLogits, sums, factors) = (Own(_targetLogits), Own(_sums), Own(_factors));
        List<Operation> operations = [TargetLogits(chunk, targetLogits), Weights(chunk, targetLogits, sums), End(chunk, targetLogits, sums, factors)];
        if (chunk.Dx is { } dx)
        {
            operations.AddRange([new Product(chunk.Logits, false, _w, false, dx), Scale(dx, factors, dx)]);
        }

        if (chunk.Dw is { } dw)
        {
            var scaled = Own(_scaled!);
            operations.AddRange([Scale(chunk.X, factors, scaled), new Product(chunk.Logits, true, scaled, false, dw, chunk.Adds ? dw : null)]);
        }

        return operations;
    }

    private Launch TargetLogits(CrossEntropyChunk chunk, View to)
    {
        var kernel = Kernel.FromFiles(
            "target_logits", [("ROWS", to.Shape[0]), ("THREADS", Blocks.Threads), .. Operands(chunk)], "CrossEntropyLogit.cu", "CrossEntropyTargets.cu");
        return new Launch(kernel, new Grid(Blocks.OfWarps(to.Shape[0])), Blocks.Threads, 0, [chunk.X, _w, chunk.Targets, to]);
    }

    private Launch Weights(CrossEntropyChunk chunk, View targetLogits, View sums)
    {
        var product = new ProductHopper(chunk.X, [_w]) { Outputs = [chunk.Logits], RowInputs = [targetLogits, chunk.Targets], Sums = sums };

        // a0 is the logit, a1 that of the target, a2 the target; 1.44… is log₂ e.
        string[] statements =
        [
            "const int target = __float_as_int(a2);",
            "const float weight = target < 0 || column + e == target ? 0.0f : exp2_fast(fmaf(a0, 1.44269504f, -1.44269504f * a1));",
        ];
        return product.Launch(statements, ["weight", "weight"], _context);
    }

    private Launch End(CrossEntropyChunk chunk, View targetLogits, View sums, View factors)
    {
        var kernel = Kernel.FromFiles(
            "cross_entropy_weights",
            [
                ("WIDTH", _w.Shape[0]),
                ("STRIDE", chunk.Logits.Strides[0]),
                ("TILES", sums.Shape[1]),
                ("LIMIT", Limit),
                ("THREADS", RowThreads),
                ("UPSTREAM_TYPE", chunk.Other.Storage.Type),
                ("NLL_TYPE", chunk.Nll.Storage.Type),
                .. Operands(chunk),
            ],
            "CrossEntropyLogit.cu",
            "CrossEntropyWeights.cu");
        return new Launch(
            kernel, new Grid(factors.Shape[0]), RowThreads, 0, [chunk.X, _w, chunk.Targets, targetLogits, sums, chunk.Other, chunk.Logits, chunk.Nll, factors]);
    }

    /// <summary>Rows times their factors; zeros where that is 0, whatever the row holds.</summary>
    private static BlockLaunch Scale(View rows, View factors, View to) =>
        new VectorKernel([rows, factors.Broadcast(rows.Shape)], [to]).Launch("scale_rows", "", [], ["a1 == 0.0f ? 0.0f : a0 * a1"]);

    private (string, object)[] Operands(CrossEntropyChunk chunk) =>
    [
        ("DEPTH", _w.Shape[1]),
        ("VECTOR", VectorWidth.Choose(_w.Shape[1], chunk.X, _w)),
        ("X_STRIDE", chunk.X.Strides[0]),
        ("W_STRIDE", _w.Strides[0]),
    ];
}
