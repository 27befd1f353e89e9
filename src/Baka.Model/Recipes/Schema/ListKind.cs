using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>A list without repetitions.</summary>
internal sealed class ListKind<T>(ValueKind item) : ValueKind
{
    public override string Description => item is TextKind
        ? "a list of text such as [a, b], each item once"
        : $"a list such as [a, b], each item once and {item.Description}";

    public override bool Allows(object? value) =>
        value is ValueList<T> list && list.All(x => item.Allows(x)) && list.Distinct().Count() == list.Count;

    public override bool TryRead(Node node, out object? value)
    {
        value = null;
        if (node is not Sequence sequence) return false;
        var items = new T[sequence.Items.Count];
        for (var i = 0; i < items.Length; i++)
        {
            if (!item.TryRead(sequence.Items[i], out var one)) return false;
            items[i] = (T)one!;
        }

        value = new ValueList<T>(items);
        return true;
    }

    public override Node Write(object? value) => new Sequence([.. ((ValueList<T>)value!).Select(x => item.Write(x))]);

    public override string Refusal(Node node) =>
        node is Sequence { Items: var items } && items.FirstOrDefault(x => !item.TryRead(x, out var one) || !item.Allows(one)) is { } wrong
            ? $"must be {Description}; it holds {wrong.Quote()}"
            : node is Sequence ? $"names an item twice; it must be {Description}" : base.Refusal(node);
}
