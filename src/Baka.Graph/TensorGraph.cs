using Baka.Graph.Ops;

namespace Baka.Graph;

/// <summary>
/// A pure function from inputs and variables to named outputs and new values of variables. Nodes are appended in
/// topological order and checked as they are made.
/// </summary>
public sealed class TensorGraph
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<string, Tensor> _variables = [];
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly Dictionary<string, Tensor> _outputs = [];
    private readonly Dictionary<string, Tensor> _assignments = [];
    private readonly Dictionary<NodeKey, Node> _known = [];
    private string _module = "";
    private bool _backward;

    public IReadOnlyList<Node> Nodes => _nodes;

    public IReadOnlyDictionary<string, Tensor> Variables => _variables;

    public IReadOnlyDictionary<string, Tensor> Inputs => _inputs;

    public IReadOnlyDictionary<string, Tensor> Outputs => _outputs;

    /// <summary>New values of variables, by variable name, stored when the function has been evaluated.</summary>
    public IReadOnlyDictionary<string, Tensor> Assignments => _assignments;

    /// <summary>Everything the function is evaluated for: outputs, then assigned values.</summary>
    public IEnumerable<Tensor> Results => _outputs.Values.Concat(_assignments.Values);

    /// <summary>Path of the module that nodes are made for just now.</summary>
    public string Module => _module;

    /// <summary>Names every node made until the result is disposed after a module, such as <c>layers.0.attn</c>.</summary>
    public IDisposable Scope(string name)
    {
        var outer = _module;
        _module = outer.Length == 0 ? name : $"{outer}.{name}";
        return new ScopeEnd(this, outer, _backward);
    }

    /// <summary>Marks nodes made until the result is disposed as part of the gradient of the given module.</summary>
    public IDisposable Backward(string module)
    {
        var end = new ScopeEnd(this, _module, _backward);
        (_module, _backward) = (module, true);
        return end;
    }

    /// <summary>A value that the caller provides for every evaluation.</summary>
    public Tensor Input(string name, DType type, Shape shape) =>
        _inputs.TryGetValue(name, out var known)
            ? throw new GraphException($"the input '{name}' is declared twice")
            : _inputs[name] = Add(new Input(name, new TensorSpec(type, shape)), []);

    /// <summary>A trained f32 tensor that lives on the device between evaluations. The same name gives the same tensor.</summary>
    public Tensor Parameter(string name, Shape shape) => Variable(name, shape, VariableKind.Parameter);

    /// <summary>
    /// A tensor [rows, ..] that rows hand on from evaluation to evaluation. A device may keep it as it keeps
    /// activations, with fewer digits than parameters have.
    /// </summary>
    public Tensor Carry(string name, Shape shape) => Variable(name, shape, VariableKind.Carry);

    /// <summary>What the optimizer keeps for a parameter; a device may keep it as it keeps parameters.</summary>
    public Tensor Moment(string name, Shape shape) => Variable(name, shape, VariableKind.Moment);

    /// <summary>An f32 tensor that is not trained but lives between evaluations: sums of gradients.</summary>
    public Tensor State(string name, Shape shape) => Variable(name, shape, VariableKind.State);

    public Tensor Constant(float value) => Add(new Constant(value), []);

    public Tensor Constant(ReadOnlySpan<int> values) => Add(new IntConstant(values), []);

    public void Output(string name, Tensor value)
    {
        if (!_outputs.TryAdd(name, value))
        {
            throw new GraphException($"the output '{name}' is declared twice");
        }
    }

    /// <summary>Gives a variable its value for the next evaluation. Readers in this evaluation see the old value.</summary>
    public void Assign(Tensor variable, Tensor value)
    {
        if (variable.Node.Op is not Variable op)
        {
            throw new GraphException($"only variables can be assigned, not {variable}");
        }

        if (variable.Spec != value.Spec)
        {
            throw new GraphException($"the variable '{op.Name}' is {variable.Spec} and cannot become {value.Spec}");
        }

        if (!_assignments.TryAdd(op.Name, value))
        {
            throw new GraphException($"the variable '{op.Name}' is assigned twice");
        }
    }

    /// <summary>Appends a node, or returns the one that already computes the same: common subexpressions exist once.</summary>
    public Node AddNode(Op op, IReadOnlyList<Tensor> inputs) => AddNode(op, inputs, same: null);

    /// <param name="same">A node of the same op, whose results are of the same kind if its inputs are.</param>
    private Node AddNode(Op op, IReadOnlyList<Tensor> inputs, Node? same)
    {
        var key = new NodeKey(op, inputs, _backward);
        if (op.IsPure && _known.TryGetValue(key, out var known))
        {
            return known;
        }

        foreach (var input in inputs)
        {
            if (input.Node.Graph != this)
            {
                throw new GraphException($"{Prefix}{op.Kind}: the operand {input} belongs to another graph");
            }
        }

        IReadOnlyList<TensorSpec> specs;
        try
        {
            specs = same is not null && HaveSameSpecs(same.Inputs, inputs)
                ? [.. same.Outputs.Select(o => o.Spec)]
                : op.Infer([.. inputs.Select(i => i.Spec)]);
        }
        catch (GraphException e) when (!e.Message.StartsWith(Prefix, StringComparison.Ordinal) || Prefix.Length == 0)
        {
            throw new GraphException($"{Prefix}{op.Kind}: {e.Message}");
        }

        var node = new Node(this, _nodes.Count, _module, _backward, op, inputs, specs);
        _nodes.Add(node);
        if (op.IsPure)
        {
            _known.Add(key, node);
        }

        return node;
    }

    /// <summary>Appends a node with one output.</summary>
    public Tensor Add(Op op, IReadOnlyList<Tensor> inputs) => AddNode(op, inputs).Outputs[0];

    private string Prefix => _module.Length == 0 ? "" : $"{_module}: ";

    /// <summary>
    /// Copies the graph node by node; <paramref name="rewrite"/> gets each node with its already rewritten inputs and
    /// returns what replaces its outputs. Nodes that no result needs are not copied.
    /// </summary>
    public TensorGraph Rewrite(Func<TensorGraph, Node, IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> rewrite) =>
        Rebuild(_nodes, (target, node, map) => rewrite(target, node, [.. node.Inputs.Select(i => map[i])]));

    /// <summary>
    /// Copies the graph in another topological order; <paramref name="rewrite"/> gets each live node with what has become
    /// of the tensors so far.
    /// </summary>
    public TensorGraph Rebuild(
        IEnumerable<Node> order,
        Func<TensorGraph, Node, IReadOnlyDictionary<Tensor, Tensor>, IReadOnlyList<Tensor>> rewrite) =>
        Rebuild(order, tensor => tensor, rewrite);

    /// <summary>The same function without the nodes that no result needs.</summary>
    public TensorGraph Pruned() => Rewrite((target, node, inputs) => target.Copy(node, inputs));

    /// <summary>The identity of <see cref="Rewrite"/>: the same op on the rewritten inputs.</summary>
    public IReadOnlyList<Tensor> Copy(Node node, IReadOnlyList<Tensor> inputs)
    {
        switch (node.Op)
        {
            case Variable variable:
                return [_variables[variable.Name] = Add(variable, inputs)];
            case Input input:
                return [_inputs[input.Name] = Add(input, inputs)];
            default:
                return AddNode(node.Op, inputs, same: node).Outputs;
        }
    }

    private static bool HaveSameSpecs(IReadOnlyList<Tensor> a, IReadOnlyList<Tensor> b)
    {
        var same = a.Count == b.Count;
        for (var i = 0; same && i < a.Count; i++)
        {
            same = ReferenceEquals(a[i].Spec, b[i].Spec) || a[i].Spec == b[i].Spec;
        }

        return same;
    }

    /// <summary>
    /// The same function with some tensors replaced by others of this graph. Nodes keep their order as far as the new
    /// dependencies allow; what replaces something comes in its place.
    /// </summary>
    /// <exception cref="GraphException">A replacement depends on what it replaces.</exception>
    public TensorGraph Substitute(IReadOnlyDictionary<Tensor, Tensor> replacements)
    {
        Tensor Resolve(Tensor tensor) => replacements.GetValueOrDefault(tensor, tensor);
        int[] rank = [.. Enumerable.Range(0, _nodes.Count)];
        foreach (var (replaced, replacement) in replacements)
        {
            rank[replacement.Node.Id] = Math.Min(rank[replacement.Node.Id], replaced.Node.Id);
        }

        var order = TopologicalOrder.Of(_nodes.Count, id => _nodes[id].Inputs.Select(i => Resolve(i).Node.Id), id => rank[id]);
        return Rebuild(order.Select(id => _nodes[id]), Resolve, (target, node, map) => target.Copy(node, [.. node.Inputs.Select(i => map[Resolve(i)])]));
    }

    /// <summary>The nodes that some result depends on; all inputs and variables count, since they are the function's signature.</summary>
    public HashSet<Node> LiveNodes() => LiveNodes(tensor => tensor);

    private TensorGraph Rebuild(
        IEnumerable<Node> order,
        Func<Tensor, Tensor> resolve,
        Func<TensorGraph, Node, IReadOnlyDictionary<Tensor, Tensor>, IReadOnlyList<Tensor>> rewrite)
    {
        var target = new TensorGraph();
        var map = new Dictionary<Tensor, Tensor>();
        var live = LiveNodes(resolve);
        foreach (var node in order)
        {
            if (!live.Contains(node))
            {
                continue;
            }

            (target._module, target._backward) = (node.Module, node.IsBackward);
            var results = rewrite(target, node, map);
            for (var i = 0; i < node.Outputs.Count; i++)
            {
                map[node.Outputs[i]] = results[i];
            }
        }

        (target._module, target._backward) = ("", false);
        foreach (var (name, value) in _outputs)
        {
            target._outputs[name] = map[resolve(value)];
        }

        foreach (var (name, value) in _assignments)
        {
            target._assignments[name] = map[resolve(value)];
        }

        return target;
    }

    private HashSet<Node> LiveNodes(Func<Tensor, Tensor> resolve)
    {
        var live = new HashSet<Node>();
        var stack = new Stack<Node>(Results.Select(t => resolve(t).Node));
        foreach (var leaf in _inputs.Values.Concat(_variables.Values))
        {
            live.Add(leaf.Node);
        }

        while (stack.TryPop(out var node))
        {
            if (!live.Add(node))
            {
                continue;
            }

            foreach (var input in node.Inputs)
            {
                stack.Push(resolve(input).Node);
            }
        }

        return live;
    }

    private Tensor Variable(string name, Shape shape, VariableKind kind)
    {
        if (!_variables.TryGetValue(name, out var known))
        {
            return _variables[name] = Add(new Variable(name, kind, shape), []);
        }

        return known.Shape.Equals(shape) && ((Variable)known.Node.Op).VariableKind == kind
            ? known
            : throw new GraphException($"{Prefix}the variable '{name}' is {known.Shape}, but is asked for as {shape}");
    }

    private sealed class ScopeEnd(TensorGraph graph, string module, bool backward) : IDisposable
    {
        public void Dispose() => (graph._module, graph._backward) = (module, backward);
    }

    /// <summary>What makes two pure nodes the same.</summary>
    private readonly struct NodeKey(Op op, IReadOnlyList<Tensor> inputs, bool backward) : IEquatable<NodeKey>
    {
        // The gradient may compute again what the function computed, rather than keep it (Recompute pass).
        private readonly bool _backward = backward;
        private readonly Op _op = op;
        private readonly IReadOnlyList<Tensor> _inputs = inputs;

        public bool Equals(NodeKey other)
        {
            var same = _backward == other._backward && _inputs.Count == other._inputs.Count;
            for (var i = 0; same && i < _inputs.Count; i++)
            {
                same = _inputs[i] == other._inputs[i];
            }

            return same && _op.Equals(other._op);
        }

        public override bool Equals(object? obj) => obj is NodeKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = _op.GetHashCode();
            for (var i = 0; i < _inputs.Count; i++)
            {
                hash = HashCode.Combine(hash, _inputs[i]);
            }

            return hash;
        }
    }
}
