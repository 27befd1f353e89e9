using Baka.Data;
using Baka.Data.Tokenizers;
using Baka.Training.Checkpoints;

namespace Baka.Cli.Options;

/// <summary>A tokenizer given by its file or by a checkpoint that has one.</summary>
internal static class TokenizerArgument
{
    /// <exception cref="UserException">There is no tokenizer.</exception>
    public static Tokenizer Open(string path)
    {
        if (File.Exists(path) && Path.GetExtension(path) == ".json")
            return Tokenizer.Load(path);
        if (Directory.Exists(path) && File.Exists(Path.Combine(path, CheckpointFiles.Tokenizer)))
            return Tokenizer.Load(Path.Combine(path, CheckpointFiles.Tokenizer));
        if (!Path.Exists(path))
            throw new UserException($"There is no tokenizer '{path}': give a tokenizer.json, a run's folder or a checkpoint.");
        return Tokenizer.Load(Path.Combine(CheckpointPath.Resolve(path), CheckpointFiles.Tokenizer));
    }
}
