using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Which variables lie side by side in one storage. Shared by all plans of a device: the first plan that wants
/// variables together gets them so, and later ones find them there.
/// </summary>
/// <param name="carried">The element of what rows carry.</param>
/// <param name="trained">The element of parameters and their moments. Sums of gradients are always f32.</param>
public sealed class VariablePlacement(Element carried = Element.Float32, Element trained = Element.Float32)
{
    private readonly Dictionary<string, View> _places = [];
    private readonly Dictionary<string, Shape> _shapes = [];
    private readonly List<Storage> _storages = [];

    /// <summary>
    /// Where each variable lies, all groups of rows together: its elements in their order, though maybe along more axes
    /// than the variable has.
    /// </summary>
    public IReadOnlyDictionary<string, View> Places => _places;

    /// <summary>The shape of each variable, all groups of rows together.</summary>
    public IReadOnlyDictionary<string, Shape> Shapes => _shapes;

    public IReadOnlyList<Storage> Storages => _storages;

    /// <summary>The place of one variable as a graph sees it, made if need be.</summary>
    /// <param name="groups">Of rows: see <see cref="Baka.Graph.Execution.IDevice.Load"/>.</param>
    /// <exception cref="GraphException">It exists with another shape.</exception>
    public View Place(Variable variable, int groups)
    {
        var shape = variable.OnDevice(groups);
        if (!_places.TryGetValue(variable.Name, out var place))
        {
            place = Put(variable, new View(NewStorage(variable.Name, shape.Count, variable.VariableKind), shape), shape);
        }

        if (!_shapes[variable.Name].Equals(shape))
        {
            throw new GraphException($"the variable '{variable.Name}' is {_shapes[variable.Name]} on the device, but {shape} in the graph");
        }

        return groups == 1 || variable.VariableKind != VariableKind.Carry ? place : new View(place.Storage, place.Offset, variable.Shape, variable.Shape.DenseStrides());
    }

    /// <summary>The joint view of variables of equal width one above the other, maybe each in an order of its own, or null if they lie apart.</summary>
    /// <param name="parts">See <see cref="GraphQueries.StoredVariable"/>.</param>
    public View? PlaceTogether(IReadOnlyList<Tensor> parts)
    {
        Variable[] variables = [.. parts.Select(p => p.StoredVariable()!)];
        if (variables.Any(v => v.VariableKind == VariableKind.Carry || v.VariableKind != variables[0].VariableKind))
        {
            return null;
        }

        var shape = parts[0].Shape.With(0, parts.Sum(p => p.Shape[0]));
        if (!variables.Any(v => _places.ContainsKey(v.Name)))
        {
            var together = new View(NewStorage(variables[0].Name + "…", shape.Count, variables[0].VariableKind), shape);
            var start = 0;
            foreach (var (part, variable) in parts.Zip(variables))
            {
                Put(variable, Undone(part, together.Slice(0, start, part.Shape[0])), variable.Shape);
                start += part.Shape[0];
            }
        }

        if (!variables.All(v => _places.ContainsKey(v.Name)))
        {
            return null;
        }

        var first = _places[variables[0].Name];
        var expected = first.Offset;
        foreach (var part in parts)
        {
            if (Find(part) is not { IsDense: true } place || place.Storage != first.Storage || place.Offset != expected)
            {
                return null;
            }

            expected += part.Shape.Count;
        }

        return new View(first.Storage, first.Offset, shape, shape.DenseStrides());
    }

    /// <summary>What is a part of a variable, maybe in another order, as a view into it, or null where no strides express that.</summary>
    public View? Find(Tensor tensor) => tensor.Node.Op switch
    {
        Variable variable => Place(variable, groups: 1),
        Reshape reshape => Find(tensor.Node.Inputs[0])?.Reshape(reshape.Shape),
        Permute permute => Find(tensor.Node.Inputs[0])?.Permute(permute.Axes),
        Slice slice => Find(tensor.Node.Inputs[0])?.Slice(slice.Axis, slice.Start, slice.Length),
        _ => null,
    };

    /// <summary>A variable where something else made of all its elements is. Its own axes are split where strides need it.</summary>
    private static View Undone(Tensor made, View view) => made.Node.Op switch
    {
        Reshape when made.Node.Inputs[0].Node.Op is Variable variable => view.Reshape(variable.Shape) ?? view,
        Reshape => Undone(made.Node.Inputs[0], view.Reshape(made.Node.Inputs[0].Shape)!),
        Permute permute => Undone(made.Node.Inputs[0], view.Permute(permute.Inverse)),
        _ => view,
    };

    private View Put(Variable variable, View place, Shape shape)
    {
        _shapes[variable.Name] = shape;
        return _places[variable.Name] = place;
    }

    private Storage NewStorage(string name, long count, VariableKind kind)
    {
        var type = kind switch
        {
            VariableKind.Carry => carried,
            VariableKind.Parameter or VariableKind.Moment => trained,
            _ => Element.Float32,
        };
        var storage = new Storage(StorageKind.Variable, name, type, count) { IsCarried = kind == VariableKind.Carry, IsParameter = kind == VariableKind.Parameter, IsTrained = kind is VariableKind.Parameter or VariableKind.Moment };
        _storages.Add(storage);
        return storage;
    }
}
