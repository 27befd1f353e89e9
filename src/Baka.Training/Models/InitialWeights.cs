using Baka.Data;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Checkpoints;
using Baka.Training.Runs;

namespace Baka.Training.Models;

/// <summary>Takes over the weights of another run, and nothing else of it.</summary>
internal static class InitialWeights
{
    /// <summary>Parameters that the checkpoint does not have keep the values they were drawn with, which is told.</summary>
    /// <exception cref="UserException">A parameter has another shape there.</exception>
    public static void Load(IDevice device, LanguageModel model, CheckpointReader checkpoint, ITrainObserver observer)
    {
        using var file = checkpoint.OpenTensors(CheckpointFiles.Model);
        var own = Parameters.Of(model);
        VariableValue.Load(device, [.. own.Where(p => file.Tensors.ContainsKey(p.Name))], file, checkpoint.Folder);
        Tell(own.Select(p => p.Name).Except(file.Tensors.Keys), "begin at random, since the checkpoint has none");
        Tell(file.Tensors.Keys.Except(own.Select(p => p.Name)), "of the checkpoint have no place in this model");

        void Tell(IEnumerable<string> names, string what)
        {
            var list = names.ToList();
            if (list.Count > 0)
            {
                const int Shown = 4;
                observer.Message($"{list.Count} tensors {what}: {string.Join(", ", list.Take(Shown))}{(list.Count > Shown ? ", …" : "")}.");
            }
        }
    }
}
