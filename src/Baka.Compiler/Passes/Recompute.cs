using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// Elementwise values of the forward pass that the gradient needs are computed again from what is kept anyway,
/// instead of being kept too. Fused into the gradient's own kernels this costs almost nothing, and it frees the
/// largest part of a step's memory: of an MLP only the two wide products stay, not a tensor for each function.
/// </summary>
public sealed class Recompute : IPass
{
    // More operands than this to read again cost more than they save.
    private const int MostSources = 3;

    public TensorGraph Run(TensorGraph graph)
    {
        var plan = new Plan(graph);
        var copies = new Dictionary<Node, IReadOnlyList<Tensor>>();
        return graph.Rebuild(graph.Nodes, (target, node, map) =>
        {
            if (!node.IsBackward)
            {
                return target.Copy(node, [.. node.Inputs.Select(i => map[i])]);
            }

            return target.Copy(node, [.. node.Inputs.Select(i => Again(i, target, map))]);

            Tensor Again(Tensor tensor, TensorGraph into, IReadOnlyDictionary<Tensor, Tensor> current)
            {
                if (!plan.IsRecomputed(tensor))
                {
                    return current[tensor];
                }

                if (!copies.TryGetValue(tensor.Node, out var copy))
                {
                    var inputs = tensor.Node.Inputs.Select(i => Again(i, into, current)).ToArray();
                    copies[tensor.Node] = copy = into.AddNode(tensor.Node.Op, inputs).Outputs;
                }

                return copy[tensor.Index];
            }
        });
    }

    /// <summary>Decides which forward tensors are recomputed.</summary>
    private sealed class Plan
    {
        private readonly HashSet<Tensor> _readByGradient = [];
        private readonly HashSet<Tensor> _materialized = [];
        private readonly Dictionary<Tensor, bool> _decisions = [];

        public Plan(TensorGraph graph)
        {
            var live = graph.LiveNodes();
            foreach (var node in graph.Nodes.Where(live.Contains))
            {
                foreach (var input in node.Inputs.Where(i => !i.Node.IsBackward))
                {
                    if (node.IsBackward)
                    {
                        _readByGradient.Add(input);
                    }
                    else if (!IsCheap(node.Op))
                    {
                        _materialized.Add(input.BehindReshapes());
                    }
                }
            }

            foreach (var result in graph.Results)
            {
                _materialized.Add(result.BehindReshapes());
            }
        }

        /// <summary>
        /// A tensor is recomputed if it is elementwise and what it is made from is kept anyway, or if it never existed
        /// in memory to begin with because the forward pass fuses it away.
        /// </summary>
        public bool IsRecomputed(Tensor tensor)
        {
            if (!_decisions.TryGetValue(tensor, out var decision))
            {
                _decisions[tensor] = decision = Decide(tensor);
            }

            return decision;
        }

        private static bool IsCheap(Op op) => op is Elementwise or Reshape or Broadcast;

        private bool Decide(Tensor tensor)
        {
            if (tensor.Node.IsBackward || !IsCheap(tensor.Node.Op))
            {
                return false;
            }

            var sources = new HashSet<Tensor>();
            Sources(tensor, sources);
            if (sources.Count > MostSources)
            {
                return false;
            }

            return !_materialized.Contains(tensor.BehindReshapes()) || sources.All(IsKept);
        }

        private bool IsKept(Tensor tensor) => tensor.Node.Op is Leaf || _readByGradient.Contains(tensor) || tensor.Shape.Count == 1;

        /// <summary>What a tensor would be recomputed from.</summary>
        private void Sources(Tensor tensor, HashSet<Tensor> sources)
        {
            foreach (var input in tensor.Node.Inputs)
            {
                if (input.IsConstant(out _))
                {
                    continue;
                }

                if (IsCheap(input.Node.Op) && !_materialized.Contains(input.BehindReshapes()) && sources.Count <= MostSources)
                {
                    Sources(input, sources);
                }
                else
                {
                    sources.Add(input.BehindReshapes());
                }
            }
        }
    }
}
