namespace Baka.Training.Checkpoints;

/// <summary>The names of the files in a checkpoint's folder.</summary>
public static class CheckpointFiles
{
    /// <summary>The parameters.</summary>
    public const string Model = "model.safetensors";

    /// <summary>The moments of the optimizer.</summary>
    public const string Optimizer = "optimizer.safetensors";

    /// <summary>What each row of the batch carries from window to window.</summary>
    public const string Carry = "carry.safetensors";

    /// <summary>The recipe, fully resolved.</summary>
    public const string Recipe = "recipe.yaml";

    public const string Tokenizer = "tokenizer.json";

    /// <summary>The <see cref="CheckpointState"/> with the seals of all other files.</summary>
    public const string State = "state.json";
}
