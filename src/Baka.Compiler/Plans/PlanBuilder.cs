using System.Collections.Immutable;
using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Turns an optimized graph into steps over views. Movement of elements becomes a matter of strides wherever
/// kernels can live with that: slices and repetitions are read in place, and the parts of a join are written where
/// they belong by whoever makes them (<see cref="Placement"/>).
/// </summary>
public sealed class PlanBuilder
{
    private readonly TensorGraph _graph;
    private readonly Placement _places;
    private readonly List<Step> _steps = [];
    private readonly Dictionary<string, Storage> _inputs = [];
    private readonly Dictionary<string, Storage> _outputs = [];
    private readonly List<Storage> _constants = [];

    private PlanBuilder(TensorGraph graph, Placement places) => (_graph, _places) = (graph, places);

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
        var places = new Placement(graph, variables, groups, weights);
        var builder = new PlanBuilder(graph, places);
        foreach (var node in graph.Nodes)
        {
            builder.Emit(node);
        }

        builder.StoreResults();
        var refreshed = WeightRefresh.Apply(builder._steps, weights?.All ?? []);
        MemoryPlanner.ShareInPlace(builder._steps);
        return new Plan(builder._steps, builder._inputs, builder._outputs, builder._constants, [.. places.Prepared], refreshed, ArenaBytes: 0);
    }

    private void Emit(Node node)
    {
        switch (node.Op)
        {
            case Variable:
            case Reshape or Slice or Permute or Concat when _places.IsReadAsPreparedOnly(node.Outputs[0]):
                break;
            case Input input:
                _inputs[input.Name] = new Storage(StorageKind.Input, input.Name, Elements.Exact(input.Spec.Type), input.Spec.Shape.Count);
                _places[node.Outputs[0]] = new View(_inputs[input.Name], input.Spec.Shape);
                break;
            case Constant constant:
                _places[node.Outputs[0]] = NewConstant(node.Outputs[0].Spec, [BitConverter.SingleToInt32Bits(constant.Value)]);
                break;
            case IntConstant constant:
                _places[node.Outputs[0]] = NewConstant(node.Outputs[0].Spec, constant.Values);
                break;
            case Reshape reshape:
                var source = _places[node.Inputs[0]];
                _places[node.Outputs[0]] = source.Reshape(reshape.Shape) ?? (IsReadInOrder(node.Outputs[0]) ? source : Dense(node, source).Reshape(reshape.Shape)!);
                break;
            case Slice slice:
                _places[node.Outputs[0]] = _places[node.Inputs[0]].Slice(slice.Axis, slice.Start, slice.Length);
                break;
            case Broadcast broadcast:
                _places[node.Outputs[0]] = _places[node.Inputs[0]].Broadcast(broadcast.Shape);
                break;
            case Permute permute:
                _places[node.Outputs[0]] = _places[node.Inputs[0]].Permute(permute.Axes);
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
        var whole = _places.Of(node.Outputs[0]);
        if (whole.Storage.Kind == StorageKind.Variable && node.IsJoinOfVariables())
        {
            return;
        }

        foreach (var (part, view) in Placement.Parts(node, whole))
        {
            if (!_places.IsWrittenInPlace(part) || !SamePlace(_places[part], view))
            {
                AddCopy(node, _places[part], view);
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
        View[] outputs = [.. node.Outputs.Select(_places.Of)];

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
        return _places.PreparedFor(node, tensor) ?? Readable(node, input, _places[tensor]);
    }

    private View Readable(Node node, int input, View view)
    {
        var shape = node.Inputs[input].Shape;
        var fits = Access.CanRead(node.Op, input, view) && (view.Shape.Equals(shape) || TakesElementsInOrder(node.Op));
        return fits ? view : Dense(node, view).Reshape(shape)!;
    }

    /// <summary>Whether nobody minds the shape of a tensor.</summary>
    private bool IsReadInOrder(Tensor tensor) => !_graph.Outputs.Values.Contains(tensor) && _places.Readers(tensor).All(reader => TakesElementsInOrder(reader.Op));

    /// <summary>Kernels for which only the order of the elements counts, not the shape.</summary>
    private static bool TakesElementsInOrder(Op op) => op is FusedElementwise or SumOfSquares;

    private View Dense(Node node, View view)
    {
        var copy = Placement.NewArena(node.Module, view.Storage.Type, view.Shape);
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
            AddStep(new Copy(), tensor.Node, [_places[tensor]], [new View(_outputs[name], tensor.Shape)]);
        }

        // Values that look into variables are saved before any variable changes.
        var pending = new List<(View From, View To, Node Node)>();
        foreach (var (name, tensor) in _graph.Assignments)
        {
            var (from, to) = (_places[tensor], _places[_graph.Variables[name]]);
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
