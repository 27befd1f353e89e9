using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Where the tensors of a graph lie. What has to lie somewhere is decided before any step is made: variables, copies of
/// weights for products, new values of variables that are written straight into these, and the parts of joins, each in its place
/// inside the whole. Everything else gets its place when a step makes it.
/// </summary>
internal sealed class Placement
{
    private readonly TensorGraph _graph;
    private readonly VariablePlacement _variables;
    private readonly int _groups;
    private readonly PreparedWeights? _weights;
    private readonly ILookup<Tensor, Node> _readers;
    private readonly HashSet<Tensor> _results;
    private readonly ElementChoice _elements;
    private readonly Dictionary<Tensor, (PreparedWeight Weight, View View)> _prepared = [];
    private readonly Dictionary<Tensor, View> _views = [];
    private readonly HashSet<Tensor> _placed = [];

    /// <inheritdoc cref="PlanBuilder.Build"/>
    public Placement(TensorGraph graph, VariablePlacement variables, int groups, PreparedWeights? weights)
    {
        (_graph, _variables, _groups, _weights) = (graph, variables, groups, weights);
        _readers = graph.Nodes.SelectMany(n => n.Inputs.Distinct().Select(i => (Input: i, Node: n))).ToLookup(r => r.Input, r => r.Node);
        _results = [.. graph.Results];
        _elements = weights?.Element == Element.BFloat16 ? ElementChoice.Mixed(graph) : ElementChoice.Exact;
        PlaceVariables();
        PrepareWeights();
        PlaceAssignments();
        PlaceParts();
    }

    /// <summary>Weights that products read from copies.</summary>
    public IEnumerable<PreparedWeight> Prepared => _prepared.Values.Select(p => p.Weight).Distinct();

    /// <summary>Where a tensor lies that lies somewhere already.</summary>
    public View this[Tensor tensor]
    {
        get => _views[tensor];
        set => _views[tensor] = value;
    }

    /// <summary>Where a tensor lies, in a place of its own from now on if it had none.</summary>
    public View Of(Tensor tensor)
    {
        if (!_views.TryGetValue(tensor, out var view))
        {
            _views[tensor] = view = NewArena(tensor.Node.Module, _elements.Of(tensor), tensor.Shape);
        }

        return view;
    }

    /// <summary>Whether whoever makes a part of a join writes it to its place inside the whole.</summary>
    public bool IsWrittenInPlace(Tensor part) => _placed.Contains(part);

    /// <summary>What a product reads in an operand's stead, if that has been copied for it.</summary>
    public View? PreparedFor(Node reader, Tensor operand) =>
        _prepared.TryGetValue(operand, out var prepared) && ProductOperands(reader).Contains(operand) ? prepared.View : null;

    /// <summary>Nodes that read a tensor.</summary>
    public IEnumerable<Node> Readers(Tensor tensor) => _readers[tensor];

    /// <summary>Whether only products read a weight, from its copy.</summary>
    public bool IsReadAsPreparedOnly(Tensor tensor) =>
        tensor.IsWeight() && !_results.Contains(tensor) && _readers[tensor].All(reader =>
            ProductOperands(reader).Contains(tensor) ? _prepared.ContainsKey(tensor) : reader.Outputs.All(IsReadAsPreparedOnly));

    /// <summary>The places of the parts of a join or a padding inside of the whole.</summary>
    public static IEnumerable<(Tensor Part, View View)> Parts(Node node, View whole)
    {
        var (axis, start) = node.Op is Pad pad ? (pad.Axis, pad.Before) : (((Concat)node.Op).Axis, 0);
        foreach (var part in node.Inputs)
        {
            yield return (part, whole.Slice(axis, start, part.Shape[axis]));
            start += part.Shape[axis];
        }
    }

    /// <summary>A new place for values between steps.</summary>
    public static View NewArena(string module, Element type, Shape shape) => new(new Storage(StorageKind.Arena, module, type, shape.Count), shape);

    private void PlaceVariables()
    {
        // Variables that are read side by side want to lie side by side, so they choose first.
        foreach (var join in _graph.Nodes.Where(n => n.IsJoinOfVariables()))
        {
            if (_variables.PlaceTogether(join.Inputs) is { } together)
            {
                _views[join.Outputs[0]] = together;
            }
        }

        foreach (var tensor in _graph.Variables.Values)
        {
            _views[tensor] = _variables.Place((Variable)tensor.Node.Op, _groups);
        }
    }

    /// <summary>Finds the operands of products that are parameters in another layout or element than products want.</summary>
    private void PrepareWeights()
    {
        if (_weights is null)
        {
            return;
        }

        // The largest first: others may be parts of them.
        foreach (var weight in _graph.Nodes.SelectMany(ProductOperands).Distinct().Where(t => t.IsWeight()).OrderByDescending(t => t.Shape.Count))
        {
            if (DirectView(weight)?.Storage.Type != _weights.Element)
            {
                _prepared[weight] = _weights.Of(weight);
            }
        }
    }

    private static IEnumerable<Tensor> ProductOperands(Node node) => node.Op switch
    {
        MatMul or MatMulAdd => node.Inputs.Take(2),
        FinishedProduct product => node.Inputs.Take(1 + product.Products),
        LinearCrossEntropy or LinearCrossEntropyGradient or LinearCrossEntropyGradientAdd or StepLinear or StepLinearBackward => [node.Inputs[1]],
        _ => [],
    };

    /// <summary>A weight as it lies in the variables, or null where it must be copied first.</summary>
    private View? DirectView(Tensor weight) => _views.TryGetValue(weight, out var view) ? view : weight.Node.Op switch
    {
        Reshape reshape => DirectView(weight.Node.Inputs[0])?.Reshape(reshape.Shape),
        Slice slice => DirectView(weight.Node.Inputs[0])?.Slice(slice.Axis, slice.Start, slice.Length),
        _ => null,
    };

    /// <summary>Lets kernels write new values of variables straight into the variable, where no one needs the old value any more.</summary>
    private void PlaceAssignments()
    {
        PlaceSumsOfProducts();
        var sources = _graph.Assignments.Values.Select(v => v.BehindReshapes()).Where(v => v.Node.Op is not Variable).GroupBy(v => v).ToDictionary(g => g.Key, g => g.Count());
        foreach (var (name, value) in _graph.Assignments)
        {
            var variable = _graph.Variables[name];
            var producer = value.BehindReshapes();
            if (sources.GetValueOrDefault(producer) == 1 && OldValueIsDone(variable, producer))
            {
                TryPlace(value, _views[variable]);
            }
        }
    }

    private bool OldValueIsDone(Tensor variable, Tensor producer)
    {
        var seeing = new Stack<Tensor>([variable]);
        while (seeing.TryPop(out var tensor))
        {
            if (_results.Contains(tensor))
            {
                return false;
            }

            foreach (var reader in _readers[tensor])
            {
                if (IsView(reader.Op) || reader.IsJoinOfVariables())
                {
                    seeing.Push(reader.Outputs[0]);
                }

                // A reader in the producer's own kernel reads each element before that element is written, provided it
                // reads it at the same place.
                var before = reader.Id < producer.Node.Id;
                var inside = reader == producer.Node && tensor.BehindReshapes() == variable && WritesWhereItReads(reader, tensor);
                if (!IsView(reader.Op) && !before && !inside)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool WritesWhereItReads(Node node, Tensor input) => node.Op is FusedElementwise or ReplaceRows || (node.Op is AddingOp adding && input == node.Inputs[adding.Addend]);

    /// <summary>
    /// Lets a product that adds to several variables side by side, whose new values are the parts of its result, do so
    /// in place.
    /// </summary>
    private void PlaceSumsOfProducts()
    {
        foreach (var node in _graph.Nodes.Where(n => n.Op is MatMulAdd && n.Inputs[2].Node.IsJoinOfVariables()))
        {
            var sum = node.Outputs[0];
            var join = node.Inputs[2];
            if (!_views.TryGetValue(join, out var together) || _readers[join].Count() > 1)
            {
                continue;
            }

            var start = 0;
            var all = true;
            foreach (var part in join.Node.Inputs)
            {
                var value = _graph.Assignments.GetValueOrDefault(part.StoredVariable()!.Name);
                while (value?.Node.Op is Reshape or Permute)
                {
                    value = value.Node.Inputs[0];
                }

                all &= value?.Node is { Op: Slice { Axis: 0 } slice } && value.Node.Inputs[0] == sum && slice.Start == start && slice.Length == part.Shape[0];
                all &= IsReadHereOnly(part);
                start += part.Shape[0];
            }

            if (all)
            {
                _views[sum] = together;
            }
        }
    }

    /// <summary>Whether a variable in some order, and in no other, is read once.</summary>
    private bool IsReadHereOnly(Tensor stored) =>
        _readers[stored].Count() == 1 && !_graph.Outputs.Values.Contains(stored) && stored.Node.Inputs.All(IsReadHereOnly);

    private static bool IsView(Op op) => op is Reshape or Slice or Broadcast or Permute;

    /// <summary>Gives the parts of joins their place inside the whole, outer joins first.</summary>
    private void PlaceParts()
    {
        for (var id = _graph.Nodes.Count - 1; id >= 0; id--)
        {
            var node = _graph.Nodes[id];
            if (node.Op is not (Concat or Pad) || IsReadAsPreparedOnly(node.Outputs[0]) || (_views.ContainsKey(node.Outputs[0]) && node.IsJoinOfVariables()))
            {
                continue;
            }

            var whole = Of(node.Outputs[0]);
            foreach (var (part, view) in Parts(node, whole))
            {
                if (TryPlace(part, view))
                {
                    _placed.Add(part);
                }
            }
        }
    }

    /// <summary>Decides that whoever makes a tensor writes it to a given place, if that is possible and still open.</summary>
    private bool TryPlace(Tensor tensor, View view)
    {
        var producer = tensor.BehindReshapes();
        if (_views.ContainsKey(producer) || !IsKernel(producer.Node.Op) || view.Reshape(producer.Shape) is not { } place)
        {
            return false;
        }

        if (!place.IsDense && (!Access.CanWriteRows(producer.Node.Op, producer.Index) || Access.InnerStride(place) != 1))
        {
            return false;
        }

        _views[producer] = place;
        return true;
    }

    private static bool IsKernel(Op op) => op is not (Leaf or Constant or IntConstant or Reshape or Slice or Broadcast or Permute);
}
