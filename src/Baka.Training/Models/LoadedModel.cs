using Baka.Data;
using Baka.Data.Tokenizers;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;

namespace Baka.Training.Models;

/// <summary>A trained model on a device, with its tokenizer.</summary>
public sealed class LoadedModel : IDisposable
{
    private LoadedModel(CheckpointReader checkpoint, Recipe recipe, Tokenizer tokenizer, IDevice device)
    {
        Folder = checkpoint.Folder;
        State = checkpoint.State;
        Recipe = recipe;
        Tokenizer = tokenizer;
        Device = device;
        Model = new LanguageModel(recipe.Model);
    }

    /// <summary>The folder of the checkpoint.</summary>
    public string Folder { get; }

    public CheckpointState State { get; }

    public Recipe Recipe { get; }

    public LanguageModel Model { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Holds the parameters.</summary>
    public IDevice Device { get; }

    /// <summary>Equal for models with the same weights and tokens alone.</summary>
    internal string Identity => $"{State.Files[CheckpointFiles.Model].Sha256[..32]}{State.Files[CheckpointFiles.Tokenizer].Sha256[..32]}";

    /// <param name="checkpoint">Anything that <see cref="CheckpointPath.Resolve"/> understands: a run, its best, a checkpoint.</param>
    /// <param name="device">Where to compute; all processors of this machine if not given.</param>
    /// <exception cref="UserException">There is no sound checkpoint, or no such device.</exception>
    public static LoadedModel Open(string checkpoint, DeviceChoice? device = null)
    {
        // The optimizer's file is twice as large as the model's, and not needed.
        var reader = CheckpointReader.Open(checkpoint, verify: false);
        string[] needed = [CheckpointFiles.Model, CheckpointFiles.Recipe, CheckpointFiles.Tokenizer];
        foreach (var file in needed)
        {
            reader.Verify(file);
        }

        var recipe = CheckpointContent.Recipe(reader, []);
        var model = new LoadedModel(reader, recipe, CheckpointContent.Tokenizer(reader), (device ?? DeviceChoice.Default).Preferring(recipe.Precision).Create());
        try
        {
            // The first program that a device sees decides where parameters lie: a whole window puts them together as products need them.
            using (EvaluationProgram.Create(model.Device, model.Model, rows: 1, windows: 1))
            {
                Parameters.Load(model.Device, model.Model, reader);
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void Dispose() => Device.Dispose();
}
