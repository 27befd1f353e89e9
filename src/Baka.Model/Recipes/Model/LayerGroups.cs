namespace Baka.Model.Recipes;

/// <summary>Layers that follow one another and are alike.</summary>
public sealed record LayerGroup
{
    [Key("number of layers", Min = 1)]
    public int Count { get; init; } = 1;

    [Key("hidden width of their MLPs; 0 = none, null = the model's", Name = "mlp.hidden", Min = 0)]
    public int? Hidden { get; init; }
}

/// <summary>The layers from the first to the last, in groups. A number stands for so many layers that are all alike.</summary>
public sealed record LayerGroups(ValueList<LayerGroup> Groups)
{
    /// <summary>Of layers.</summary>
    public int Count => Groups.Sum(g => g.Count);

    /// <summary>The group of a layer, counted from 0.</summary>
    public LayerGroup this[int layer]
    {
        get
        {
            foreach (var group in Groups)
            {
                if (layer < group.Count) return group;
                layer -= group.Count;
            }

            throw new ArgumentOutOfRangeException(nameof(layer));
        }
    }

    public static implicit operator LayerGroups(int count) => new([new LayerGroup { Count = count }]);

    public override string ToString() => Groups is [{ Hidden: null } only] ? $"{only.Count}" : Groups.ToString();
}
