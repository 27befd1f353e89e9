using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>One of an enumeration's names, written in kebab-case.</summary>
internal sealed class ChoiceKind(Type type) : ValueKind
{
    private readonly Dictionary<string, object> _choices =
        Enum.GetValues(type).Cast<object>().ToDictionary(choice => Names.Split(choice.ToString()!, '-'));

    public override string Description => "one of " + string.Join(", ", _choices.Keys);

    public override bool Allows(object? value) => value is not null && _choices.ContainsValue(value);

    public override bool TryRead(Node node, out object? value)
    {
        value = null;
        return node is Scalar scalar && _choices.TryGetValue(scalar.Text, out value);
    }

    public override Node Write(object? value) => new Scalar(Names.Split(value!.ToString()!, '-'), Plain: false);
}
