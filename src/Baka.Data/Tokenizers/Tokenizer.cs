using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>
/// A byte-level BPE tokenizer (Sennrich et al. 2016, arXiv 1508.07909, on bytes as in GPT-2): text to token numbers and
/// back, without loss. Kept as a Hugging Face <c>tokenizer.json</c>. Immutable and safe to use from any number of threads.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>The special token that trained tokenizers have.</summary>
    public const string EndOfText = "<|endoftext|>";

    private static readonly string[] EndOfTextNames = [EndOfText, "<|end_of_text|>"];

    private readonly byte[] _file;
    private readonly byte[] _fingerprint;
    private readonly TokenizerModel _model;
    private readonly ConcurrentBag<TokenEncoder> _idleEncoders = [];

    private Tokenizer(byte[] file, TokenizerModel model)
    {
        _file = file;
        _fingerprint = SHA256.HashData(file);
        _model = model;
    }

    /// <summary>How many tokens there are; they are numbered from 0.</summary>
    public int VocabularySize => _model.TokenBytes.Length;

    /// <summary>How many merges there are.</summary>
    public int MergeCount => _model.Merges.Count;

    /// <summary>Tokens that are found in a text as they stand.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => _model.AddedTokens;

    /// <summary>The token that parts texts: <c>&lt;|endoftext|&gt;</c> or <c>&lt;|end_of_text|&gt;</c>; null if there is none.</summary>
    public int? EndOfTextId => EndOfTextNames.Select(FindAddedToken).FirstOrDefault(id => id is not null);

    /// <summary>SHA-256 of the tokenizer's file (32 bytes).</summary>
    public ReadOnlySpan<byte> Fingerprint => _fingerprint;

    /// <summary>Reads a <c>tokenizer.json</c> of the byte-level BPE family (GPT-2, GPT-NeoX, Pythia, Llama 3).</summary>
    /// <exception cref="UserException">The file is missing, malformed, or describes another kind of tokenizer.</exception>
    public static Tokenizer Load(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: the tokenizer can't be read ({failure.Message.TrimEnd('.')}); give the path of a tokenizer.json.", failure);
        }
    }

    /// <summary>The same from the content of a file.</summary>
    /// <param name="file">UTF-8 JSON.</param>
    /// <param name="name">What errors call it.</param>
    public static Tokenizer Parse(byte[] file, string name) => new(file, TokenizerFile.Parse(file, name));

    /// <summary>A tokenizer of symbols, each a token, that knows no other text.</summary>
    /// <param name="symbols">By number; none begins another.</param>
    public static Tokenizer OfSymbols(IReadOnlyList<string> symbols) => Parse(TokenizerWriter.WriteSymbols(symbols), "symbols");

    /// <summary>Writes the <c>tokenizer.json</c>; a loaded one is written byte for byte as it was read.</summary>
    /// <exception cref="UserException">The file can't be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, _file);

    /// <summary>Writes the <c>tokenizer.json</c> into a stream.</summary>
    public void Save(Stream stream) => stream.Write(_file);

    /// <summary>Appends the tokens of a text. Nothing is added at its beginning or end.</summary>
    public void Encode(ReadOnlySpan<char> text, List<int> output)
    {
        var encoder = Rent();
        encoder.Encode(text, output);
        _idleEncoders.Add(encoder);
    }

    /// <summary>The tokens of a text.</summary>
    public int[] Encode(string text)
    {
        var output = new List<int>(text.Length / 3);
        Encode(text, output);
        return [.. output];
    }

    /// <summary>The tokens of any bytes. Those that are not valid UTF-8 are kept, each as a piece of its own.</summary>
    public int[] EncodeBytes(ReadOnlySpan<byte> bytes)
    {
        var output = new List<int>(bytes.Length / 3);
        var encoder = Rent();
        encoder.EncodeBytes(bytes, output);
        _idleEncoders.Add(encoder);
        return [.. output];
    }

    /// <summary>The bytes that tokens stand for.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public byte[] DecodeBytes(ReadOnlySpan<int> tokens)
    {
        var length = 0;
        foreach (var token in tokens)
            length += TokenByteCount(token);
        var bytes = new byte[length];
        var at = 0;
        foreach (var token in tokens)
        {
            TokenBytes(token).CopyTo(bytes.AsSpan(at));
            at += TokenByteCount(token);
        }

        return bytes;
    }

    /// <summary>The text that tokens stand for; bytes that are not valid UTF-8 show as U+FFFD.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public string Decode(ReadOnlySpan<int> tokens) => Encoding.UTF8.GetString(DecodeBytes(tokens));

    /// <summary>A decoder for tokens that come one by one.</summary>
    public StreamingDecoder CreateDecoder() => new(this);

    /// <summary>The bytes that one token stands for.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public ReadOnlySpan<byte> TokenBytes(int token)
    {
        if ((uint)token >= (uint)VocabularySize)
            throw new UserException($"token {token} is not in the vocabulary of {VocabularySize} tokens; use the tokenizer that made it.");
        return _model.TokenBytes[token];
    }

    /// <summary>How many bytes one token stands for.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public int TokenByteCount(int token) => TokenBytes(token).Length;

    /// <summary>The number of an added token; null if there is none of this content.</summary>
    public int? FindAddedToken(string content) => AddedTokens.FirstOrDefault(token => token.Content == content)?.Id;

    private TokenEncoder Rent() => _idleEncoders.TryTake(out var encoder) ? encoder : new TokenEncoder(_model);
}
