using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>Any text but none.</summary>
internal sealed class TextKind : ValueKind
{
    public override string Description => "text";

    public override bool Allows(object? value) => value is string { Length: > 0 };

    public override bool TryRead(Node node, out object? value)
    {
        value = (node as Scalar)?.Text;
        return node is Scalar { IsNull: false };
    }

    public override Node Write(object? value) => new Scalar((string)value!, Plain: false);
}
