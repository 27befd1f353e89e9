using Baka.Graph;

namespace Baka.Compiler.Plans;

/// <summary>
/// Which variables lie side by side in one storage. Shared by all plans of a device: the first plan that wants
/// variables together gets them so, and later ones find them there.
/// </summary>
public sealed class VariablePlacement
{
    private readonly Dictionary<string, View> _places = [];
    private readonly List<Storage> _storages = [];

    public IReadOnlyDictionary<string, View> Places => _places;

    public IReadOnlyList<Storage> Storages => _storages;

    /// <summary>The place of one variable, made if need be.</summary>
    /// <exception cref="GraphException">It exists with another shape.</exception>
    public View Place(string name, Shape shape)
    {
        if (!_places.TryGetValue(name, out var place))
        {
            var storage = NewStorage(name, shape.Count);
            return _places[name] = new View(storage, shape);
        }

        return place.Shape.Equals(shape) ? place : throw new GraphException($"the variable '{name}' is {place.Shape} on the device, but {shape} in the graph");
    }

    /// <summary>The joint view of variables of equal width one above the other, or null if they lie apart.</summary>
    public View? PlaceTogether(IReadOnlyList<(string Name, Shape Shape)> variables)
    {
        var shape = variables[0].Shape.With(0, variables.Sum(v => v.Shape[0]));
        if (!variables.Any(v => _places.ContainsKey(v.Name)))
        {
            var storage = NewStorage(variables[0].Name + "…", shape.Count);
            var offset = 0L;
            foreach (var (name, part) in variables)
            {
                _places[name] = new View(storage, offset, part, part.DenseStrides());
                offset += part.Count;
            }
        }

        if (!variables.All(v => _places.ContainsKey(v.Name)))
        {
            return null;
        }

        var first = _places[variables[0].Name];
        var expected = first.Offset;
        foreach (var (name, part) in variables)
        {
            var place = Place(name, part);
            if (place.Storage != first.Storage || place.Offset != expected)
            {
                return null;
            }

            expected += part.Count;
        }

        return new View(first.Storage, first.Offset, shape, shape.DenseStrides());
    }

    private Storage NewStorage(string name, long count)
    {
        var storage = new Storage(StorageKind.Variable, name, Element.Float32, count);
        _storages.Add(storage);
        return storage;
    }
}
