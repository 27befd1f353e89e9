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
    private readonly List<Storage> _storages = [];

    /// <summary>Where each variable lies, all groups of rows together.</summary>
    public IReadOnlyDictionary<string, View> Places => _places;

    public IReadOnlyList<Storage> Storages => _storages;

    /// <summary>The place of one variable as a graph sees it, made if need be.</summary>
    /// <param name="groups">Of rows: see <see cref="Baka.Graph.Execution.IDevice.Load"/>.</param>
    /// <exception cref="GraphException">It exists with another shape.</exception>
    public View Place(Variable variable, int groups)
    {
        var shape = variable.OnDevice(groups);
        if (!_places.TryGetValue(variable.Name, out var place))
        {
            _places[variable.Name] = place = new View(NewStorage(variable.Name, shape.Count, variable.VariableKind), shape);
        }

        return place.Shape.Equals(shape)
            ? new View(place.Storage, place.Offset, variable.Shape, variable.Shape.DenseStrides())
            : throw new GraphException($"the variable '{variable.Name}' is {place.Shape} on the device, but {shape} in the graph");
    }

    /// <summary>The joint view of variables of equal width one above the other, or null if they lie apart.</summary>
    public View? PlaceTogether(IReadOnlyList<Variable> variables)
    {
        if (variables.Any(v => v.VariableKind == VariableKind.Carry || v.VariableKind != variables[0].VariableKind))
        {
            return null;
        }

        var shape = variables[0].Shape.With(0, variables.Sum(v => v.Shape[0]));
        if (!variables.Any(v => _places.ContainsKey(v.Name)))
        {
            var storage = NewStorage(variables[0].Name + "…", shape.Count, variables[0].VariableKind);
            var offset = 0L;
            foreach (var variable in variables)
            {
                _places[variable.Name] = new View(storage, offset, variable.Shape, variable.Shape.DenseStrides());
                offset += variable.Shape.Count;
            }
        }

        if (!variables.All(v => _places.ContainsKey(v.Name)))
        {
            return null;
        }

        var first = _places[variables[0].Name];
        var expected = first.Offset;
        foreach (var variable in variables)
        {
            var place = Place(variable, groups: 1);
            if (place.Storage != first.Storage || place.Offset != expected)
            {
                return null;
            }

            expected += variable.Shape.Count;
        }

        return new View(first.Storage, first.Offset, shape, shape.DenseStrides());
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
