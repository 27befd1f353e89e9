using System.Runtime.InteropServices;
using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>
/// Encodes for one thread at a time: the tokenizer's tables together with working memory and a cache of the pieces
/// met so far. Allocates nothing once its memory has grown.
/// </summary>
internal sealed class TokenEncoder(TokenizerModel model)
{
    // Longer pieces hardly ever come twice.
    private const int LongestCachedPiece = 32;
    private const int MostCachedPieces = 1 << 16;

    private readonly PairMerger _merger = new(model.Merges);
    private readonly List<int> _ends = [];
    private readonly PieceTable _pieces = new();
    private readonly List<int> _cachedTokens = [];
    private readonly List<int> _cachedEnds = [];
    private byte[] _bytes = new byte[256];
    private char[] _letters = new char[256];
    private int[] _tokens = new int[256];

    public void Encode(ReadOnlySpan<char> text, List<int> output)
    {
        for (var at = 0; at < text.Length;)
        {
            var token = model.RawTokens.Find(text, at, out var start, out var end);
            EncodeUnmarked(text[at..start], output);
            if (token is not null)
                output.Add(token.Id);
            at = end;
        }
    }

    /// <summary>Bytes that need not be valid UTF-8: each that is not becomes a piece of its own.</summary>
    public void EncodeBytes(ReadOnlySpan<byte> bytes, List<int> output)
    {
        var characters = new char[bytes.Length];
        while (!bytes.IsEmpty)
        {
            System.Text.Unicode.Utf8.ToUtf16(bytes, characters, out var read, out var written, replaceInvalidSequences: false);
            Encode(characters.AsSpan(0, written), output);
            bytes = bytes[read..];
            if (bytes.IsEmpty)
                break;
            Rune.DecodeFromUtf8(bytes, out _, out var invalid);
            if (!model.KnowsBytes)
                throw NoTokenFor("\uFFFD");
            foreach (var value in bytes[..invalid])
                output.Add(model.ByteTokens[value]);
            bytes = bytes[invalid..];
        }
    }

    private void EncodeUnmarked(ReadOnlySpan<char> text, List<int> output)
    {
        if (text.IsEmpty)
            return;
        if (model.Normalizes)
            text = Nfc.Normalize(text.ToString());
        for (var at = 0; at < text.Length;)
        {
            var token = model.NormalizedTokens.Find(text, at, out var start, out var end);
            EncodePlain(text[at..start], output);
            if (token is not null)
                output.Add(token.Id);
            at = end;
        }
    }

    private void EncodePlain(ReadOnlySpan<char> text, List<int> output)
    {
        if (text.IsEmpty)
            return;
        if (!model.KnowsBytes)
            throw NoTokenFor(text);
        if (model.AddsPrefixSpace && text[0] != ' ')
            text = string.Concat(" ", text);
        _ends.Clear();
        model.PreTokenizer.Split(text, _ends);
        var start = 0;
        foreach (var end in CollectionsMarshal.AsSpan(_ends))
        {
            EncodePiece(text[start..end], output);
            start = end;
        }
    }

    private UserException NoTokenFor(ReadOnlySpan<char> text) => new(
        $"there is no token for '{text[..Math.Min(text.Length, 20)]}': these tokens write {string.Join(" ", model.AddedTokens.Take(20).Select(token => token.Content))}{(model.AddedTokens.Count > 20 ? " …" : "")}, and nothing else.");

    private void EncodePiece(ReadOnlySpan<char> piece, List<int> output)
    {
        if (piece.Length > LongestCachedPiece)
        {
            output.AddRange(MergePiece(piece));
            return;
        }

        if (_pieces.Count == MostCachedPieces)
        {
            _pieces.Clear();
            _cachedEnds.Clear();
            _cachedTokens.Clear();
        }

        var known = _pieces.Count;
        var number = _pieces.FindOrAdd(piece);
        if (number == known)
        {
            _cachedTokens.AddRange(MergePiece(piece));
            _cachedEnds.Add(_cachedTokens.Count);
        }

        var start = number == 0 ? 0 : _cachedEnds[number - 1];
        output.AddRange(CollectionsMarshal.AsSpan(_cachedTokens)[start.._cachedEnds[number]]);
    }

    private ReadOnlySpan<int> MergePiece(ReadOnlySpan<char> piece)
    {
        if (_bytes.Length < piece.Length * 3)
        {
            _bytes = new byte[piece.Length * 3];
            _letters = new char[_bytes.Length];
            _tokens = new int[_bytes.Length];
        }

        var bytes = _bytes.AsSpan(0, Encoding.UTF8.GetBytes(piece, _bytes));
        if (model.PrefersWholePieces && FindWhole(bytes) is { } whole)
        {
            _tokens[0] = whole;
            return _tokens.AsSpan(0, 1);
        }

        for (var i = 0; i < bytes.Length; i++)
            _tokens[i] = model.ByteTokens[bytes[i]];
        return _tokens.AsSpan(0, _merger.Merge(_tokens.AsSpan(0, bytes.Length)));
    }

    private int? FindWhole(ReadOnlySpan<byte> bytes)
    {
        ByteAlphabet.Write(bytes, _letters);
        return model.FindToken(_letters.AsSpan(0, bytes.Length));
    }
}
