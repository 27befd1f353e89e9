namespace Baka.Model.Recipes.Yaml;

/// <summary>A piece of YAML as recipes use it: a scalar, a list or a mapping.</summary>
/// <param name="Line">Line in its file, from 1; 0 for nodes that were not read.</param>
internal abstract record Node(int Line)
{
    /// <summary>The node as it would be quoted in a sentence.</summary>
    public abstract string Quote();
}

/// <param name="Plain">Written without quotes, so that <c>null</c> means nothing rather than a word.</param>
internal sealed record Scalar(string Text, bool Plain, int Line = 0) : Node(Line)
{
    public static Scalar Null { get; } = new("null", Plain: true);

    public bool IsNull => Plain && Text is "" or "~" or "null" or "Null" or "NULL";

    public override string Quote() => IsNull ? "nothing" : $"'{Text}'";
}

internal sealed record Sequence(IReadOnlyList<Node> Items, int Line = 0) : Node(Line)
{
    public override string Quote() => "a list";
}

internal sealed record Mapping(IReadOnlyList<Entry> Entries, int Line = 0) : Node(Line)
{
    public override string Quote() => "a mapping";
}

internal sealed record Entry(string Key, Node Value, int Line = 0);
