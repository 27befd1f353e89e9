namespace Baka.Model.Modules;

/// <summary>Parts that layers share: each is made for the first layer that uses it, whose name it bears.</summary>
/// <param name="ownerOf">The first layer that uses what a given layer uses.</param>
/// <param name="make">Makes the part of a layer.</param>
internal sealed class Shared<T>(Func<int, int> ownerOf, Func<int, T> make)
    where T : Module
{
    private readonly Dictionary<int, T> _parts = [];

    public T Of(int layer)
    {
        var owner = ownerOf(layer);
        return _parts.TryGetValue(owner, out var part) ? part : _parts[owner] = make(owner);
    }
}
