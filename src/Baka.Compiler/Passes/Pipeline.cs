using Baka.Graph;

namespace Baka.Compiler.Passes;

/// <summary>
/// The passes in their order. Common subexpressions need no pass: a graph never holds the same node twice, so
/// whatever a pass makes equal becomes one. Dead code needs none either: a rewriting copies only what a result needs.
/// </summary>
public sealed class Pipeline
{
    // Hopper's multiprocessors make 256 x 256 results a pair: where there is not a tile for each, libraries' products, which
    // are cut otherwise, are faster.
    private const long LeastResults = 66L * 256 * 256;
    private const long LeastPositions = 4096;

    private Pipeline(params IReadOnlyList<IPass> passes) => Passes = passes;

    /// <summary>For kernels that take the inputs of a step where they lie.</summary>
    public static Pipeline Cpu { get; } = new([.. Beginning, .. Rest()]);

    /// <summary>For libraries of matrix products.</summary>
    public static Pipeline Gpu { get; } = new([.. ForLibraries()]);

    /// <summary>For libraries of matrix products, and kernels that multiply large matrices and go on with the results.</summary>
    public static Pipeline Hopper { get; } = ForHopper(LeastResults, LeastPositions);

    public IReadOnlyList<IPass> Passes { get; }

    /// <param name="leastResults">Elements of a product from which on kernels finish it.</param>
    /// <param name="leastPositions">Of a step from which on a kernel takes the inputs where they lie.</param>
    public static Pipeline ForHopper(long leastResults, long leastPositions) => new(
    [
        .. ForLibraries(leastResults, leastPositions),

        // What reads a large product becomes the end of its kernel.
        new FinishProducts(leastResults),
    ]);

    private static IReadOnlyList<IPass> ForLibraries(long leastResults = long.MaxValue, long leastPositions = long.MaxValue) =>
    [
        // A step becomes products and a shifted sum of them.
        new ExpandSteps(leastPositions),

        .. Beginning,

        // c + gradient becomes a kernel's own addition.
        new AccumulateInKernels(),

        // Zeros that end heads, and their gradient, become a norm's own matter.
        new WidenInNorms(),

        .. Rest(leastResults),
    ];

    private static IReadOnlyList<IPass> Beginning =>
    [
        // Nodes that do nothing, constants known now, slices of joins.
        new Simplify(),

        // The loss comes out of the kernel that makes its gradient: the logits are computed once.
        new TakeLossFromGradient(),
    ];

    private static IReadOnlyList<IPass> Rest(long leastOfPairs = long.MaxValue) =>
    [
        // dx = Σ dyᵢ·Wᵢ becomes one product over all i.
        new MergeInputGradients(),

        // c + a·b adds into c inside the product.
        new AccumulateProducts(),

        // x·Wᵢᵀ for all i become one product, and so do the dyᵢᵀ·x.
        new MergeSiblingProducts(leastOfPairs),

        new Simplify(),

        // What variables become is computed as soon as it can be: its operands need not be kept.
        new HurryResults(),

        // The gradient recomputes cheap elementwise values instead of keeping them.
        new Recompute(),

        // Connected elementwise nodes become one kernel.
        new FuseElementwise(),
    ];

    public TensorGraph Run(TensorGraph graph) => Passes.Aggregate(graph.Pruned(), (current, pass) => WithoutDeadNodes(pass.Run(current)));

    private static TensorGraph WithoutDeadNodes(TensorGraph graph) => graph.LiveNodes().Count == graph.Nodes.Count ? graph : graph.Pruned();
}
