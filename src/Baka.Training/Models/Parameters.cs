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
            device.Write(parameter.Name, Drawing(parameter, Rng.ForName(seed, parameter.Name)));
        }
    }

    /// <summary>How many numbers a model learns.</summary>
    public static long Count(LanguageModel model) => Count(model.Parameters);

    /// <summary>How many numbers there are in parameters.</summary>
    public static long Count(IEnumerable<ParameterSpec> parameters) => parameters.Sum(p => p.Shape.Count);

    private static PartMaker Drawing(ParameterSpec parameter, Rng random)
    {
        var value = parameter.Initial.Value;
        switch (parameter.Initial.Kind)
        {
            case InitializationKind.Normal:
                var key = random.NextUInt64();
                return (start, values) => NormalNumbers.Draw(key, start, value, values);
            case InitializationKind.StepSize:
                var steps = DrawSteps((int)parameter.Shape.Count, value, random);
                return (start, values) => steps.AsSpan((int)start, values.Length).CopyTo(values);
            case InitializationKind.LogOfRow:
                var width = parameter.Shape.Product(1, parameter.Shape.Rank);
                return (start, values) =>
                {
                    for (var i = 0; i < values.Length; i++)
                    {
                        values[i] = MathF.Log(1 + (start + i) / width);
                    }
                };
            default:
                return (_, values) => values.Fill(value);
        }
    }

    private static float[] DrawSteps(int count, double largest, Rng random)
    {
        var biases = new float[count];
        foreach (ref var bias in biases.AsSpan())
        {
            var step = largest * Math.Pow(100, random.NextDouble() - 1);

            // Softplus backward: log(eˢ − 1), where s is small.
            bias = (float)(step + Math.Log(-Math.Exp(-step) + 1));
        }

        return biases;
    }

    internal static IReadOnlyList<VariableValue> Of(LanguageModel model) => [.. model.Parameters.Select(p => new VariableValue(p.Name, p.Shape))];

    /// <exception cref="Data.UserException">A parameter is missing or of another shape.</exception>
    internal static void Load(IDevice device, LanguageModel model, CheckpointReader checkpoint)
    {
        using var file = checkpoint.OpenTensors(CheckpointFiles.Model);
        VariableValue.Load(device, Of(model), file, checkpoint.Folder);
    }
}
