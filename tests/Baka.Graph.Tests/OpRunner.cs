using Baka.Graph.Execution;

namespace Baka.Graph.Tests;

/// <summary>Evaluates an op case on any device.</summary>
public static class OpRunner
{
    public static Dictionary<string, float[]> Run(IDevice device, OpCase at)
    {
        using var program = device.Load(at.Graph);
        foreach (var (name, values) in at.FloatValues)
        {
            if (at.Graph.Inputs.ContainsKey(name))
            {
                values.CopyTo(program.Floats(name));
            }
            else
            {
                device.Write(name, values);
            }
        }

        foreach (var (name, values) in at.IntValues)
        {
            values.CopyTo(program.Ints(name));
        }

        program.Run();
        return at.Graph.Outputs.Keys.ToDictionary(name => name, name => program.Output(name).ToArray());
    }
}
