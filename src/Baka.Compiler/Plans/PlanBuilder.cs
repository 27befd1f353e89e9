using System.Collections.Immutable;
using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Turns an optimized graph into steps over views. Movement of elements becomes a matter of strides wherever
/// kernels can live with that: slices and repetitions are read in place, and the parts of a join are written where
/// they belong by whoever makes them.
/// </summary>
public sealed class PlanBuilder
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
    private readonly List<Step> _steps = [];
    private readonly Dictionary<string, Storage> _inputs = [];
    private readonly Dictionary<string, Storage> _outputs = [];
    private readonly List<Storage> _constants = [];

    private PlanBuilder(TensorGraph graph, VariablePlacement variables, int groups, PreparedWeights? weights)
    {
        (_graph, _variables, _groups, _weights) = (graph, variables, groups, weights);
        _readers = graph.Nodes.SelectMany(n => n.Inputs.Distinct().Select(i => (Input: i, Node: n))).ToLookup(r => r.Input, r => r.Node);
        _results = [.. graph.Results];
        _elements = weights?.Element == Element.BFloat16 ? ElementChoice.Mixed(graph) : ElementChoice.Exact;
    }

    /// <summary>Plans a graph that has been through the <see cref="Pipeline"/>.</summary>
    /// <param name="groups">Of rows: see <see cref="Baka.Graph.Execution.IDevice.Load"/>.</param>
    /// <param name="weights">
    /// Where products read parameters that are not stored as products want them; null = copied in every evaluation. If
    /// its element is bf16, so are the activations.
    /// </param>
    public static Plan Build(TensorGraph graph, VariablePlacement variables, int groups = 1, PreparedWeights? weights = null) =>
        Draft(graph, variables, groups, weights).Placed();

    /// <summary>The same without places in the arena: <see cref="Plan.Placed"/> gives them.</summary>
    public static Plan Draft(TensorGraph graph, VariablePlacement variables, int groups = 1, PreparedWeights? weights = null)
    {
        var builder = new PlanBuilder(graph, variables, groups, weights);
        builder.PlaceVariables();
        builder.PrepareWeights();
        builder.PlaceAssignments();
        builder.PlaceParts();
        foreach (var node in graph.Nodes)
        {
            builder.Emit(node);
        }

        builder.StoreResults();
        var refreshed = WeightRefresh.Apply(builder._steps, weights?.All ?? []);
        MemoryPlanner.ShareInPlace(builder._steps);
        return new Plan(builder._steps, builder._inputs, builder._outputs, builder._constants, [.. builder._prepared.Values.Select(p => p.Weight).Distinct()], refreshed, ArenaBytes: 0);
    }

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

    /// <summary>Whether only products read a weight, from its copy.</summary>
    private bool IsReadAsPreparedOnly(Tensor tensor) =>
        tensor.IsWeight() && !_results.Contains(tensor) && _readers[tensor].All(reader =>
            ProductOperands(reader).Contains(tensor) ? _prepared.ContainsKey(tensor) : reader.Outputs.All(IsReadAsPreparedOnly));

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

            var whole = ViewOf(node.Outputs[0]);
            foreach (var (part, view) in Parts(node, whole))
            {
                if (TryPlace(part, view))
                {
                    _placed.Add(part);
                }
            }
        }
    }

    private static IEnumerable<(Tensor Part, View View)> Parts(Node node, View whole)
    {
        var (axis, start) = node.Op is Pad pad ? (pad.Axis, pad.Before) : (((Concat)node.Op).Axis, 0);
        foreach (var part in node.Inputs)
        {
            yield return (part, whole.Slice(axis, start, part.Shape[axis]));
            start += part.Shape[axis];
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

    private View ViewOf(Tensor tensor)
    {
        if (!_views.TryGetValue(tensor, out var view))
        {
            _views[tensor] = view = NewArena(tensor.Node.Module, _elements.Of(tensor), tensor.Shape);
        }

        return view;
    }

    private static View NewArena(string module, Element type, Shape shape) => new(new Storage(StorageKind.Arena, module, type, shape.Count), shape);

    private void Emit(Node node)
    {
        switch (node.Op)
        {
            case Variable:
            case Reshape or Slice or Permute or Concat when IsReadAsPreparedOnly(node.Outputs[0]):
                break;
            case Input input:
                _inputs[input.Name] = new Storage(StorageKind.Input, input.Name, Elements.Exact(input.Spec.Type), input.Spec.Shape.Count);
                _views[node.Outputs[0]] = new View(_inputs[input.Name], input.Spec.Shape);
                break;
            case Constant constant:
                _views[node.Outputs[0]] = NewConstant(node.Outputs[0].Spec, [BitConverter.SingleToInt32Bits(constant.Value)]);
                break;
            case IntConstant constant:
                _views[node.Outputs[0]] = NewConstant(node.Outputs[0].Spec, constant.Values);
                break;
            case Reshape reshape:
                var source = _views[node.Inputs[0]];
                _views[node.Outputs[0]] = source.Reshape(reshape.Shape) ?? (IsReadInOrder(node.Outputs[0]) ? source : Dense(node, source).Reshape(reshape.Shape)!);
                break;
            case Slice slice:
                _views[node.Outputs[0]] = _views[node.Inputs[0]].Slice(slice.Axis, slice.Start, slice.Length);
                break;
            case Broadcast broadcast:
                _views[node.Outputs[0]] = _views[node.Inputs[0]].Broadcast(broadcast.Shape);
                break;
            case Permute permute:
                _views[node.Outputs[0]] = _views[node.Inputs[0]].Permute(permute.Axes);
                break;
            case Concat or Pad:
                EmitParts(node);
                break;
            default:
                EmitKernel(node);
                break;
        }
    }

    private View NewConstant(TensorSpec spec, ImmutableArray<int> bits)
    {
        var storage = new Storage(StorageKind.Constant, "constant", Elements.Exact(spec.Type), spec.Shape.Count) { Bits = bits };
        _constants.Add(storage);
        return new View(storage, spec.Shape);
    }

    private void EmitParts(Node node)
    {
        var whole = ViewOf(node.Outputs[0]);
        if (whole.Storage.Kind == StorageKind.Variable && node.IsJoinOfVariables())
        {
            return;
        }

        foreach (var (part, view) in Parts(node, whole))
        {
            if (!_placed.Contains(part) || !SamePlace(_views[part], view))
            {
                AddCopy(node, _views[part], view);
            }
        }

        if (node.Op is Pad pad)
        {
            var zero = NewConstant(new TensorSpec(DType.Float32, Shape.Scalar), [0]);
            var length = node.Inputs[0].Shape[pad.Axis];
            FillWithZeros(node, whole, zero, pad.Axis, 0, pad.Before);
            FillWithZeros(node, whole, zero, pad.Axis, pad.Before + length, pad.After);
        }
    }

    private static bool SamePlace(View a, View b) => a.Storage == b.Storage && a.Offset == b.Offset && a.Strides.SequenceEqual(b.Strides);

    private void FillWithZeros(Node node, View whole, View zero, int axis, int start, int length)
    {
        if (length > 0)
        {
            var part = whole.Slice(axis, start, length);
            AddStep(new Copy(), node, [new View(zero.Storage, 0, part.Shape, new long[part.Shape.Rank])], [part]);
        }
    }

    private void EmitKernel(Node node)
    {
        var inputs = node.Inputs.Select((input, i) => Operand(node, i)).ToArray();
        View[] outputs = [.. node.Outputs.Select(ViewOf)];

        // From which input on operands are walked through together.
        var walked = node.Op switch
        {
            FusedElementwise => 0,
            FinishedProduct product => 1 + product.Products,
            _ => inputs.Length,
        };
        if (walked < inputs.Length && ElementwiseLoops.Cuts([.. outputs, .. inputs.Skip(walked)]) is null)
        {
            inputs = [.. inputs.Select((view, i) => i < walked || view.IsDense ? view : Dense(node, view))];
        }

        AddStep(node.Op, node, inputs, outputs);
    }

    private View Operand(Node node, int input)
    {
        var tensor = node.Inputs[input];
        return _prepared.TryGetValue(tensor, out var prepared) && ProductOperands(node).Contains(tensor)
            ? prepared.View
            : Readable(node, input, _views[tensor]);
    }

    private View Readable(Node node, int input, View view)
    {
        var shape = node.Inputs[input].Shape;
        var fits = Access.CanRead(node.Op, input, view) && (view.Shape.Equals(shape) || TakesElementsInOrder(node.Op));
        return fits ? view : Dense(node, view).Reshape(shape)!;
    }

    /// <summary>Whether nobody minds the shape of a tensor.</summary>
    private bool IsReadInOrder(Tensor tensor) => !_graph.Outputs.Values.Contains(tensor) && _readers[tensor].All(reader => TakesElementsInOrder(reader.Op));

    /// <summary>Kernels for which only the order of the elements counts, not the shape.</summary>
    private static bool TakesElementsInOrder(Op op) => op is FusedElementwise or SumOfSquares;

    private View Dense(Node node, View view)
    {
        var copy = NewArena(node.Module, view.Storage.Type, view.Shape);
        AddStep(new Copy(), node, [view], [copy]);
        return copy;
    }

    private void AddStep(Op op, Node node, IReadOnlyList<View> inputs, IReadOnlyList<View> outputs) =>
        _steps.Add(new Step(op, node.IsBackward ? $"{node.Module}'" : node.Module, inputs, outputs));

    private void StoreResults()
    {
        foreach (var (name, tensor) in _graph.Outputs)
        {
            _outputs[name] = new Storage(StorageKind.Output, name, Elements.Exact(tensor.Type), tensor.Shape.Count);
            AddStep(new Copy(), tensor.Node, [_views[tensor]], [new View(_outputs[name], tensor.Shape)]);
        }

        // Values that look into variables are saved before any variable changes.
        var pending = new List<(View From, View To, Node Node)>();
        foreach (var (name, tensor) in _graph.Assignments)
        {
            var (from, to) = (_views[tensor], _views[_graph.Variables[name]]);
            if (!SamePlace(from, to))
            {
                pending.Add((from.Storage.Kind == StorageKind.Variable ? Dense(tensor.Node, from) : from, to, tensor.Node));
            }
        }

        foreach (var (from, to, node) in pending)
        {
            AddCopy(node, from, to);
        }
    }

    /// <summary>Copies elements in their order, whatever axes either side has.</summary>
    private void AddCopy(Node node, View from, View to)
    {
        if (!from.Shape.Equals(to.Shape))
        {
            (from, to) = from.Reshape(to.Shape) is { } source ? (source, to)
                : to.Reshape(from.Shape) is { } target ? (from, target)
                : (Dense(node, from).Reshape(to.Shape)!, to);
        }

        AddStep(new Copy(), node, [from], [to]);
    }
}
