namespace Baka.Data.Shards;

/// <summary>Gathers an index while documents are laid one behind the other.</summary>
internal sealed class DocumentIndexBuilder
{
    private readonly List<string> _ids = [];
    private readonly List<long> _starts = [];
    private readonly List<long> _lengths = [];
    private readonly List<long> _textBytes = [];

    /// <summary>Tokens laid down so far, skipped ones included: where the next document begins.</summary>
    public long Position { get; private set; }

    public void Add(string id, long length, long textBytes)
    {
        _ids.Add(id);
        _starts.Add(Position);
        _lengths.Add(length);
        _textBytes.Add(textBytes);
        Position += length;
    }

    /// <summary>Passes over tokens that belong to no document.</summary>
    public void Skip(long tokens) => Position += tokens;

    public DocumentIndex Build() => new([.. _ids], [.. _starts], [.. _lengths], [.. _textBytes]);
}
