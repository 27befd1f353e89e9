using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Checkpoints;
using Baka.Training.Optimization;

namespace Baka.Training.Models;

/// <summary>The values of a model's parameters on a device; a program of the model must be loaded there.</summary>
public static class Parameters
{
    // Numbers drawn from one generator: what is larger is drawn by several, so that many cores can draw at once.
    private const int PartLength = 1 << 22;

    /// <summary>
    /// Draws the first value of every parameter. Each has random numbers of its own, by its name: what one begins with
    /// does not depend on the others.
    /// </summary>
    public static void Initialize(IDevice device, LanguageModel model, ulong seed)
    {
        // A few at a time are drawn ahead: the host need not have room for all of them.
        foreach (var several in model.Parameters.Chunk(2 * Environment.ProcessorCount))
        {
            var values = several.Select(p => new float[p.Shape.Count]).ToArray();
            var parts = several.SelectMany((p, i) => Enumerable.Range(0, (values[i].Length + PartLength - 1) / PartLength).Select(part => (Parameter: p, Values: values[i], Part: part)));
            Parallel.ForEach(parts, p => Draw(p.Parameter, p.Values, p.Part, seed));
            for (var i = 0; i < several.Length; i++)
            {
                device.Write(several[i].Name, values[i]);
            }
        }
    }

    /// <summary>How many numbers a model learns.</summary>
    public static long Count(LanguageModel model) => Count(model.Parameters);

    /// <summary>How many numbers there are in parameters.</summary>
    public static long Count(IEnumerable<ParameterSpec> parameters) => parameters.Sum(p => p.Shape.Count);

    private static void Draw(ParameterSpec parameter, float[] values, int part, ulong seed)
    {
        var own = values.AsSpan(part * PartLength, Math.Min(PartLength, values.Length - part * PartLength));
        var value = parameter.Initial.Value;
        Rng Random() => Rng.ForName(seed, part == 0 ? parameter.Name : $"{parameter.Name}#{part}");
        switch (parameter.Initial.Kind)
        {
            case InitializationKind.Normal:
                Random().FillGaussian(own, value);
                break;
            case InitializationKind.StepSize:
                FillSteps(own, value, Random());
                break;
            case InitializationKind.LogOfRow:
                var width = parameter.Shape.Product(1, parameter.Shape.Rank);
                for (var i = 0; i < own.Length; i++)
                {
                    own[i] = MathF.Log(1 + (part * PartLength + i) / width);
                }

                break;
            default:
                own.Fill(value);
                break;
        }
    }

    private static void FillSteps(Span<float> biases, double largest, Rng random)
    {
        foreach (ref var bias in biases)
        {
            var step = largest * Math.Pow(100, random.NextDouble() - 1);

            // Softplus backward: log(eˢ − 1), where s is small.
            bias = (float)(step + Math.Log(-Math.Exp(-step) + 1));
        }
    }

    internal static IReadOnlyList<VariableValue> Of(LanguageModel model) => [.. model.Parameters.Select(p => new VariableValue(p.Name, p.Shape))];

    /// <exception cref="Data.UserException">A parameter is missing or of another shape.</exception>
    internal static void Load(IDevice device, LanguageModel model, CheckpointReader checkpoint)
    {
        using var file = checkpoint.OpenTensors(CheckpointFiles.Model);
        VariableValue.Load(device, Of(model), file, checkpoint.Folder);
    }
}
