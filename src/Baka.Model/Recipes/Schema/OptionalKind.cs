using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>A value, or null.</summary>
internal sealed class OptionalKind(ValueKind kind) : ValueKind
{
    public override string Description => kind.Description + " or null";

    public override bool Allows(object? value) => value is null || kind.Allows(value);

    public override bool TryRead(Node node, out object? value)
    {
        value = null;
        return node is Scalar { IsNull: true } || kind.TryRead(node, out value);
    }

    public override Node Write(object? value) => value is null ? Scalar.Null : kind.Write(value);
}
