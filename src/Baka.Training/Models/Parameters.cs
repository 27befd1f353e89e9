using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Checkpoints;
using Baka.Training.Optimization;

namespace Baka.Training.Models;

/// <summary>The values of a model's parameters on a device; a program of the model must be loaded there.</summary>
public static class Parameters
{
    /// <summary>
    /// Draws the first value of every parameter. Each has random numbers of its own, by its name: what one begins with
    /// does not depend on the others.
    /// </summary>
    public static void Initialize(IDevice device, LanguageModel model, ulong seed)
    {
        foreach (var parameter in model.Parameters)
        {
            var (kind, value) = (parameter.Initial.Kind, parameter.Initial.Value);
            var key = Rng.ForName(seed, parameter.Name).NextUInt64();
            device.Write(parameter.Name, kind == InitializationKind.Normal
                ? (start, values) => NormalNumbers.Draw(key, start, value, values)
                : (_, values) => values.Fill(value));
        }
    }

    /// <summary>How many numbers a model learns.</summary>
    public static long Count(LanguageModel model) => model.Parameters.Sum(p => p.Shape.Count);

    internal static IReadOnlyList<VariableValue> Of(LanguageModel model) => [.. model.Parameters.Select(p => new VariableValue(p.Name, p.Shape))];

    /// <exception cref="Data.UserException">A parameter is missing or of another shape.</exception>
    internal static void Load(IDevice device, LanguageModel model, CheckpointReader checkpoint)
    {
        using var file = checkpoint.OpenTensors(CheckpointFiles.Model);
        VariableValue.Load(device, Of(model), file, checkpoint.Folder);
    }
}
