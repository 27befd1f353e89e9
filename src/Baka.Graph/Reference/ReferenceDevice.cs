using Baka.Graph.Execution;
using Baka.Graph.Ops;

namespace Baka.Graph.Reference;

/// <summary>
/// Evaluates graphs node by node with the naive rules. Slow and plain: what the tests compare with, and what
/// <c>--debug</c> runs on.
/// </summary>
/// <param name="stopAtNonFinite">Throw at the first node that makes NaN or infinity out of finite operands.</param>
/// <param name="disturb">May change every f32 result of a node before others read it: what rounding would do, for instance.</param>
public sealed class ReferenceDevice(bool stopAtNonFinite = false, Action<Node, float[]>? disturb = null) : IDevice
{
    private readonly Dictionary<string, Value> _variables = [];

    public IReadOnlyDictionary<string, Shape> Variables => _variables.ToDictionary(v => v.Key, v => v.Value.Spec.Shape);

    public IProgram Load(TensorGraph graph, int groups = 1)
    {
        foreach (var (name, tensor) in graph.Variables)
        {
            var shape = ((Variable)tensor.Node.Op).OnDevice(groups);
            if (!_variables.TryGetValue(name, out var known))
            {
                _variables[name] = new Value(new TensorSpec(DType.Float32, shape));
            }
            else if (!known.Spec.Shape.Equals(shape))
            {
                throw new GraphException($"the variable '{name}' is {known.Spec.Shape} on the device, but {shape} in the graph");
            }
        }

        return new Program(this, graph, stopAtNonFinite, disturb);
    }

    public void Read(string variable, Span<float> to) => _variables[variable].Floats.CopyTo(to);

    public void Write(string variable, ReadOnlySpan<float> from) => from.CopyTo(_variables[variable].Floats);

    public void Dispose()
    {
    }

    private sealed class Program(ReferenceDevice device, TensorGraph graph, bool stopAtNonFinite, Action<Node, float[]>? disturb) : IProgram
    {
        private readonly Dictionary<string, Value> _inputs = graph.Inputs.ToDictionary(i => i.Key, i => new Value(i.Value.Spec));
        private readonly Dictionary<string, Value> _outputs = [];
        private readonly HashSet<Node> _live = graph.LiveNodes();

        public Span<int> Ints(string input) => _inputs[input].Ints;

        public Span<float> Floats(string input) => _inputs[input].Floats;

        public ReadOnlySpan<float> Output(string name) => _outputs[name].Floats;

        public void Dispose()
        {
        }

        public void Run(int group)
        {
            var values = new Dictionary<Tensor, Value>();
            var readersLeft = CountReaders();
            foreach (var node in graph.Nodes)
            {
                if (!_live.Contains(node))
                {
                    continue;
                }

                var results = Evaluate(node, values, group);
                for (var i = 0; i < results.Count; i++)
                {
                    values[node.Outputs[i]] = results[i];
                }

                foreach (var input in node.Inputs)
                {
                    if (--readersLeft[input] == 0)
                    {
                        values.Remove(input);
                    }
                }
            }

            foreach (var (name, tensor) in graph.Outputs)
            {
                // A variable may be an output too, and changes below.
                _outputs[name] = new Value(tensor.Spec);
                values[tensor].Floats.CopyTo(_outputs[name].Floats, 0);
            }

            foreach (var (name, value) in graph.Assignments.Select(a => (a.Key, values[a.Value].Floats.ToArray())).ToArray())
            {
                value.CopyTo(Part(name, group, value.Length));
            }
        }

        private Dictionary<Tensor, int> CountReaders()
        {
            var count = new Dictionary<Tensor, int>();
            foreach (var tensor in _live.SelectMany(n => n.Inputs).Concat(graph.Results))
            {
                count[tensor] = count.GetValueOrDefault(tensor) + 1;
            }

            return count;
        }

        private IReadOnlyList<Value> Evaluate(Node node, Dictionary<Tensor, Value> values, int group)
        {
            switch (node.Op)
            {
                case Input input:
                    return [_inputs[input.Name]];
                case Variable variable:
                    var own = new Value(node.Outputs[0].Spec);
                    Part(variable.Name, group, own.Floats.Length).CopyTo(own.Floats);
                    return [own];
            }

            Value[] inputs = [.. node.Inputs.Select(i => values[i])];
            Value[] outputs = [.. node.Outputs.Select(o => new Value(o.Spec))];
            node.Op.Evaluate(new Evaluation(node, inputs, outputs));
            if (stopAtNonFinite && outputs.Any(HasNonFinite) && !inputs.Any(HasNonFinite))
            {
                throw new NonFiniteException(node);
            }

            if (disturb is not null)
            {
                foreach (var output in outputs)
                {
                    disturb(node, output.Floats);
                }
            }

            return outputs;
        }

        /// <summary>The group's part of a carried variable, which is the whole of any other.</summary>
        private Span<float> Part(string variable, int group, int length)
        {
            var floats = device._variables[variable].Floats;
            return floats.AsSpan(length == floats.Length ? 0 : group * length, length);
        }

        private static bool HasNonFinite(Value value) => value.Floats.Any(f => !float.IsFinite(f));
    }
}

/// <summary>The first node that made NaN or infinity out of finite operands.</summary>
public sealed class NonFiniteException(Node node) : Exception($"{node} ({string.Join(", ", node.Inputs.Select(i => i.Spec))}) is the first to give NaN or infinity")
{
    public Node Node { get; } = node;
}
