using Baka.Data;
using Baka.Data.Tokenizers;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Training.Models;
using Baka.Training.Sampling;

namespace Baka.Training.Generation;

/// <summary>
/// Reads a document and goes on with it, token by token in constant time and memory, however long it becomes. What it
/// remembers can be kept in a file, and gone on from many times.
/// </summary>
public sealed class TextGenerator : IDisposable
{
    private readonly Generator _generator;
    private readonly LanguageModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly string _identity;

    /// <param name="model">Must outlive the generator.</param>
    public TextGenerator(LoadedModel model)
        : this(model.Device, model.Model, model.Tokenizer, model.Identity)
    {
    }

    /// <param name="identity">Equal for models that can go on from each other's states.</param>
    internal TextGenerator(IDevice device, LanguageModel model, Tokenizer tokenizer, string identity)
    {
        (_model, _tokenizer, _identity) = (model, tokenizer, identity);
        _generator = Generator.Create(device, model);
    }

    /// <summary>Tokens of the document so far.</summary>
    public long TokenCount { get; private set; }

    /// <summary>Begins another document.</summary>
    public void Reset()
    {
        _generator.Reset();
        TokenCount = 0;
    }

    /// <summary>Appends text to the document.</summary>
    public void Read(string text) => Read(_tokenizer.Encode(text));

    /// <summary>Appends tokens to the document.</summary>
    /// <exception cref="UserException">The model does not know a token.</exception>
    public void Read(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)_model.Recipe.Vocabulary)
            {
                throw new UserException($"Token {token} is not in the model's vocabulary of {_model.Recipe.Vocabulary}: use the tokenizer of the checkpoint.");
            }
        }

        _generator.Feed(tokens);
        TokenCount += tokens.Length;
    }

    /// <summary>Goes on with the document.</summary>
    /// <returns>Pieces of text as they become whole.</returns>
    /// <exception cref="UserException">A setting is out of range, or the document is empty.</exception>
    public IEnumerable<string> Generate(GenerationSettings settings, CancellationToken stop = default)
    {
        if (TokenCount == 0)
        {
            throw new UserException("There is nothing to go on from: give a prompt or a saved state.");
        }

        if (settings.MaxTokens < 0)
        {
            throw new UserException($"The number of tokens to write is {settings.MaxTokens}, but it must be 0 or more.");
        }

        // A model may have more rows than there are tokens.
        var sampler = new Sampler(_tokenizer.VocabularySize, settings.Temperature, settings.TopK, settings.TopP, settings.Seed);
        return Generate(sampler, settings, stop);
    }

    /// <summary>Keeps what the model remembers of the document.</summary>
    /// <exception cref="UserException">The file can't be written.</exception>
    public void SaveState(string path) => GeneratorStateFile.Write(path, _model, _identity, TokenCount, _generator.Save());

    /// <summary>Goes on from what was kept.</summary>
    /// <exception cref="UserException">The file can't be read, or belongs to another model.</exception>
    public void LoadState(string path)
    {
        var (state, count) = GeneratorStateFile.Read(path, _model, _identity);
        try
        {
            _generator.Load(state);
        }
        catch (ArgumentException e)
        {
            throw new UserException($"'{path}' is damaged: {e.Message}", e);
        }

        TokenCount = count;
    }

    public void Dispose() => _generator.Dispose();

    private IEnumerable<string> Generate(Sampler sampler, GenerationSettings settings, CancellationToken stop)
    {
        var end = settings.IgnoreEndOfText ? null : _tokenizer.EndOfTextId;
        var decoder = _tokenizer.CreateDecoder();
        for (var i = 0L; i < settings.MaxTokens && !stop.IsCancellationRequested; i++)
        {
            var token = sampler.Next(_generator.Logits[.._tokenizer.VocabularySize]);
            if (token == end)
            {
                break;
            }

            _generator.Feed(token);
            TokenCount++;
            if (decoder.Append(token) is { Length: > 0 } piece)
            {
                yield return piece;
            }
        }

        if (decoder.Flush() is { Length: > 0 } rest)
        {
            yield return rest;
        }
    }
}
