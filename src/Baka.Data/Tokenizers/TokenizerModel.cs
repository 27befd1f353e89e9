namespace Baka.Data.Tokenizers;

/// <summary>Everything that a tokenizer file says, checked. Immutable.</summary>
internal sealed class TokenizerModel
{
    private const int NoToken = -1;

    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabulary;

    /// <param name="vocabulary">Tokens that merging makes, written in the byte alphabet.</param>
    /// <param name="merges">Pairs in order of precedence.</param>
    /// <param name="addedTokens">Tokens that are found as they stand; some may be in the vocabulary too.</param>
    /// <param name="tokenBytes">The bytes of every token, by number.</param>
    public TokenizerModel(
        Dictionary<string, int> vocabulary, MergeTable merges, IReadOnlyList<AddedToken> addedTokens, byte[][] tokenBytes)
    {
        _vocabulary = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        Merges = merges;
        AddedTokens = addedTokens;
        TokenBytes = tokenBytes;
        RawTokens = new AddedTokenMatcher(addedTokens.Where(token => !token.Normalized));
        var bytes = new int[256];
        for (var value = 0; value < bytes.Length; value++)
            bytes[value] = vocabulary.GetValueOrDefault(ByteAlphabet.Write([(byte)value]), NoToken);
        ByteTokens = bytes;
        NormalizedTokens = new AddedTokenMatcher(addedTokens.Where(token => token.Normalized));
    }

    public MergeTable Merges { get; }

    public IReadOnlyList<AddedToken> AddedTokens { get; }

    public byte[][] TokenBytes { get; }

    /// <summary>The token of each of the 256 bytes, if <see cref="KnowsBytes"/>.</summary>
    public int[] ByteTokens { get; }

    /// <summary>Whether any text can be written; else only that which added tokens make.</summary>
    public bool KnowsBytes => ByteTokens[0] != NoToken;

    /// <summary>Added tokens to be found in the text as given.</summary>
    public AddedTokenMatcher RawTokens { get; }

    /// <summary>Added tokens to be found in the normalized text.</summary>
    public AddedTokenMatcher NormalizedTokens { get; }

    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>Text is brought to normalization form C first.</summary>
    public required bool Normalizes { get; init; }

    /// <summary>A space is put before text that does not begin with one.</summary>
    public required bool AddsPrefixSpace { get; init; }

    /// <summary>A piece that is a token as a whole is that token, whatever the merges say.</summary>
    public required bool PrefersWholePieces { get; init; }

    public int? FindToken(ReadOnlySpan<char> letters) => _vocabulary.TryGetValue(letters, out var id) ? id : null;
}
