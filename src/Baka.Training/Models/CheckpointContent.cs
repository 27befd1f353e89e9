using System.Text;
using Baka.Data;
using Baka.Data.Tokenizers;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;

namespace Baka.Training.Models;

/// <summary>What a checkpoint says beside its tensors.</summary>
internal static class CheckpointContent
{
    /// <param name="overrides">Dotted keys and values that count instead of the checkpoint's own.</param>
    /// <exception cref="UserException">The checkpoint has none.</exception>
    /// <exception cref="RecipeException">This program does not understand it.</exception>
    public static Recipe Recipe(CheckpointReader checkpoint, IReadOnlyList<string> overrides) =>
        RecipeLoader.Load(checkpoint.PathOf(CheckpointFiles.Recipe), overrides);

    /// <exception cref="UserException">The checkpoint has none.</exception>
    public static Tokenizer Tokenizer(CheckpointReader checkpoint) =>
        Baka.Data.Tokenizers.Tokenizer.Load(checkpoint.PathOf(CheckpointFiles.Tokenizer));
}
