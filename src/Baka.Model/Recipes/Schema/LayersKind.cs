using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>A number of layers, or a list of groups of layers.</summary>
/// <param name="number">How many layers there may be in all.</param>
internal sealed class LayersKind(NumberKind<int> number) : ValueKind
{
    private static readonly Section Group = Section.Of<LayerGroup>();

    public override string Description => $"{number.Description}, or a list of groups such as [{{ count: 2, mlp.hidden: 0 }}, {{ count: 8 }}]";

    public override Section Item => Group;

    public override bool Allows(object? value) =>
        value is LayerGroups { Groups.Count: > 0 } layers
        && layers.Groups.All(group => Group.Fields.All(x => x.Kind.Allows(x.Get(group))))
        && number.Allows((int)Math.Min(int.MaxValue, layers.Groups.Sum(group => (long)group.Count)));

    public override bool TryRead(Node node, out object? value)
    {
        value = null;
        if (number.TryRead(node, out var count))
        {
            value = (LayerGroups)(int)count!;
        }
        else if (node is Sequence sequence && Problem(sequence) is null)
        {
            value = new LayerGroups([.. sequence.Items.Cast<Mapping>().Select(Read)]);
        }

        return value is not null;
    }

    public override Node Write(object? value)
    {
        var groups = ((LayerGroups)value!).Groups;
        return groups is [{ Count: var count } only] && only == new LayerGroup { Count = count }
            ? number.Write(count)
            : new Sequence([.. groups.Select(Write)]);
    }

    public override string Refusal(Node node) =>
        node is Sequence sequence && Problem(sequence) is { } problem ? $"must be {Description}; {problem}" : base.Refusal(node);

    /// <summary>What is wrong with the form of a list of groups.</summary>
    private static string? Problem(Sequence sequence)
    {
        foreach (var item in sequence.Items)
        {
            if (item is not Mapping group) return $"it holds {item.Quote()}";
            foreach (var (key, node) in Flat(group))
            {
                if (Field(key) is not { } field) return $"a group has no key '{key}', but {string.Join(" and ", Group.Fields.Select(x => x.Name))}";
                if (!field.Kind.TryRead(node, out var value) || !field.Kind.Allows(value)) return $"the {key} of a group {field.Kind.Refusal(node)}";
            }

            if (Flat(group).GroupBy(x => x.Key).FirstOrDefault(x => x.Count() > 1) is { Key: var twice }) return $"a group has its {twice} twice";
        }

        return null;
    }

    // The record is fresh, so that setting its init-only properties by reflection is seen by nobody.
    private static LayerGroup Read(Mapping mapping)
    {
        var group = new LayerGroup();
        foreach (var (key, node) in Flat(mapping))
        {
            Field(key)!.Kind.TryRead(node, out var value);
            Field(key)!.Property.SetValue(group, value);
        }

        return group;
    }

    /// <summary>Only what differs from a group of one layer.</summary>
    private static Mapping Write(LayerGroup group) => new(
        [.. Group.Fields.Where(x => x.Name == "count" || !Equals(x.Get(group), x.Get(new LayerGroup()))).Select(x => new Entry(x.Name, x.Kind.Write(x.Get(group))))]);

    private static Field? Field(string key) => Group.Fields.FirstOrDefault(x => x.Path == key);

    /// <summary>Keys may be nested or dotted.</summary>
    private static IEnumerable<(string Key, Node Value)> Flat(Mapping mapping, string prefix = "") =>
        mapping.Entries.SelectMany(x => x.Value is Mapping inside ? Flat(inside, $"{prefix}{x.Key}.") : [($"{prefix}{x.Key}", x.Value)]);
}
