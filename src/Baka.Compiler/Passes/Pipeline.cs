using Baka.Graph;

namespace Baka.Compiler.Passes;

/// <summary>
/// The passes in their order. Common subexpressions need no pass: a graph never holds the same node twice, so
/// whatever a pass makes equal becomes one. Dead code needs none either: a rewriting copies only what a result needs.
/// </summary>
public static class Pipeline
{
    public static IReadOnlyList<IPass> Passes { get; } =
    [
        // Nodes that do nothing, constants known now, slices of joins.
        new Simplify(),

        // The loss comes out of the kernel that makes its gradient: the logits are computed once.
        new TakeLossFromGradient(),

        // dx = Σ dyᵢ·Wᵢ becomes one product over all i.
        new MergeInputGradients(),

        // c + a·b adds into c inside the product.
        new AccumulateProducts(),

        // x·Wᵢᵀ for all i become one product, and so do the dyᵢᵀ·x.
        new MergeSiblingProducts(),

        new Simplify(),

        // The gradient recomputes cheap elementwise values instead of keeping them.
        new Recompute(),

        // Connected elementwise nodes become one kernel.
        new FuseElementwise(),
    ];

    public static TensorGraph Run(TensorGraph graph) => Passes.Aggregate(graph.Pruned(), (current, pass) => pass.Run(current).Pruned());
}
