using System.Globalization;
using Baka.Data;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Training.Checkpoints;

namespace Baka.Training.Generation;

/// <summary>
/// What a generator remembers, as a safetensors file: the carried variables, the tokens of the unfinished window
/// (<c>tokens</c>), and in the metadata whose it is.
/// </summary>
internal static class GeneratorStateFile
{
    private const string Tokens = "tokens";
    private const string Model = "model";
    private const string DocumentWindow = "document_window";
    private const string TokenCount = "token_count";

    public static void Write(string path, LanguageModel model, string identity, long tokenCount, GeneratorState state)
    {
        var tokens = state.Tokens.ToArray();
        var tensors = model.Carry(1).Select(c => new TensorSource(c.Name, c.Shape.Extents.ToArray(), state.Carry[c.Name]))
            .Append(new TensorSource(Tokens, [tokens.Length], () => tokens))
            .ToList();
        var metadata = new Dictionary<string, string>
        {
            [Model] = identity,
            [DocumentWindow] = state.DocumentWindow.ToString(CultureInfo.InvariantCulture),
            [TokenCount] = tokenCount.ToString(CultureInfo.InvariantCulture),
        };
        var full = Path.GetFullPath(path);
        var temporary = DurableFiles.Hidden(full, DurableFiles.Unfinished);
        try
        {
            new DurableFiles().Write(temporary, stream => SafetensorsWriter.Write(stream, tensors, metadata));
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }

            throw new UserException($"'{path}' can't be written: {e.Message}", e);
        }
    }

    public static (GeneratorState State, long TokenCount) Read(string path, LanguageModel model, string identity)
    {
        using var file = SafetensorsReader.Open(path);
        if (!file.Metadata.TryGetValue(Model, out var owner))
        {
            throw new UserException($"'{path}' is not a saved state: give a file that was written with --save-state.");
        }

        if (owner != identity)
        {
            throw new UserException($"'{path}' is what another model remembers: use the checkpoint that it was saved with.");
        }

        var carry = new Dictionary<string, float[]>();
        foreach (var (name, shape) in model.Carry(1))
        {
            carry[name] = new float[shape.Count];
            file.Read(name, carry[name]);
        }

        var tokens = new int[file.Find(Tokens).Count];
        file.Read(Tokens, tokens);
        return (new GeneratorState(carry, (int)Number(DocumentWindow), tokens), Number(TokenCount));

        long Number(string key) =>
            file.Metadata.TryGetValue(key, out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new UserException($"'{path}' is damaged: its {key} is not a number.");
    }
}
