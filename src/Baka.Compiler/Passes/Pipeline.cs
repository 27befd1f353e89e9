using Baka.Graph;

namespace Baka.Compiler.Passes;

/// <summary>
/// The passes in their order. Common subexpressions need no pass: a graph never holds the same node twice, so
/// whatever a pass makes equal becomes one. Dead code needs none either: a rewriting copies only what a result needs.
/// </summary>
public sealed class Pipeline
{
    // A pair of Hopper's multiprocessors makes 256 x 256 results at a time; with fewer than that each, libraries' products
    // are better cut.
    private const long LeastResults = 66L * 256 * 256;

    private Pipeline(IReadOnlyList<IPass> first, IReadOnlyList<IPass> afterLoss, long leastFinished = long.MaxValue) =>
        Passes = [.. first, .. Beginning, .. afterLoss, .. Rest(leastFinished)];

    /// <summary>For kernels that take the inputs of a step where they lie.</summary>
    public static Pipeline Cpu { get; } = new([], []);

    /// <summary>For libraries of matrix products.</summary>
    public static Pipeline Gpu { get; } = new(
        [
            // A step becomes products and a shifted sum of them.
            new ExpandSteps(),
        ],
        [
            // variable + gradient becomes a kernel's own addition.
            new AccumulateInKernels(),
        ]);

    /// <summary>For kernels that multiply and go on with the results.</summary>
    public static Pipeline Hopper { get; } = ForHopper(LeastResults);

    public IReadOnlyList<IPass> Passes { get; }

    private static IReadOnlyList<IPass> Beginning =>
    [
        // Nodes that do nothing, constants known now, slices of joins.
        new Simplify(),

        // The loss comes out of the kernel that makes its gradient: the logits are computed once.
        new TakeLossFromGradient(),
    ];

    private static IReadOnlyList<IPass> Rest(long leastFinished) =>
    [
        // dx = Σ dyᵢ·Wᵢ becomes one product over all i.
        new MergeInputGradients(),

        // c + a·b adds into c inside the product.
        new AccumulateProducts(),

        // x·Wᵢᵀ for all i become one product, and so do the dyᵢᵀ·x.
        new MergeSiblingProducts(leastFinished),

        new Simplify(),

        // What variables become is computed as soon as it can be: its operands need not be kept.
        new HurryResults(),

        // The gradient recomputes cheap elementwise values instead of keeping them.
        new Recompute(),

        // Connected elementwise nodes become one kernel.
        new FuseElementwise(),

        // What reads a large product becomes the end of its kernel.
        new FinishProducts(leastFinished),
    ];

    /// <summary>For kernels that multiply and go on with the results where these are many enough.</summary>
    public static Pipeline ForHopper(long leastFinished) => new([new ExpandSteps(takesOverlapping: true)], [new AccumulateInKernels()], leastFinished);

    public TensorGraph Run(TensorGraph graph) => Passes.Aggregate(graph.Pruned(), (current, pass) => pass.Run(current).Pruned());
}
