using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>True or false.</summary>
internal sealed class SwitchKind : ValueKind
{
    public override string Description => "true or false";

    public override bool Allows(object? value) => value is bool;

    public override bool TryRead(Node node, out object? value)
    {
        value = node is Scalar { Text: "true" };
        return node is Scalar { Text: "true" or "false" };
    }

    public override Node Write(object? value) => new Scalar((bool)value! ? "true" : "false", Plain: true);
}
