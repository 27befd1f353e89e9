using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Optimization;

namespace Baka.Training.Models;

/// <summary>
/// The first values of a model's parameters, drawn in the background from the moment that this exists. Each parameter
/// has random numbers of its own, by its name: what one begins with does not depend on the others.
/// </summary>
internal sealed class InitialValues
{
    // Numbers drawn from one generator: what is larger is drawn by several, so that many cores can draw at once.
    private const int PartLength = 1 << 22;

    private readonly (ParameterSpec Parameter, float[] Values, Task Drawing)[] _drawn;

    public InitialValues(LanguageModel model, ulong seed) => _drawn = [.. model.Parameters.Select(p => Begin(p, seed))];

    /// <summary>Sets the parameters on a device, where a program of the model must be loaded.</summary>
    public void WriteTo(IDevice device)
    {
        foreach (var (parameter, values, drawing) in _drawn)
        {
            drawing.Wait();
            device.Write(parameter.Name, values);
        }
    }

    private static (ParameterSpec Parameter, float[] Values, Task Drawing) Begin(ParameterSpec parameter, ulong seed)
    {
        var values = new float[parameter.Shape.Count];
        var parts = Enumerable.Range(0, (values.Length + PartLength - 1) / PartLength);
        return (parameter, values, Task.WhenAll(parts.Select(part => Task.Run(() => Draw(parameter, values, part, seed)))));
    }

    private static void Draw(ParameterSpec parameter, float[] values, int part, ulong seed)
    {
        var own = values.AsSpan(part * PartLength, Math.Min(PartLength, values.Length - part * PartLength));
        if (parameter.Initial.Kind == InitializationKind.Normal)
        {
            Rng.ForName(seed, part == 0 ? parameter.Name : $"{parameter.Name}#{part}").FillGaussian(own, parameter.Initial.Value);
        }
        else
        {
            own.Fill(parameter.Initial.Value);
        }
    }
}
