using Baka.Data;
using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Training.Checkpoints;

namespace Baka.Training.Models;

/// <summary>A variable of a device by name, on its way to or from a file.</summary>
internal readonly record struct VariableValue(string Name, Shape Shape)
{
    /// <summary>Room for any of the variables.</summary>
    public static float[] NewBuffer(IEnumerable<VariableValue> variables) => new float[variables.Select(v => v.Shape.Count).DefaultIfEmpty().Max()];

    /// <summary>Tensors to be written that read the variables' values one after the other through one buffer.</summary>
    public static IReadOnlyList<TensorSource> Sources(IDevice device, IReadOnlyList<VariableValue> variables, float[] buffer) =>
        [.. variables.Select(v => new TensorSource(v.Name, v.Shape.Extents.ToArray(), () =>
        {
            var values = buffer.AsSpan(0, (int)v.Shape.Count);
            device.Read(v.Name, values);
            return values;
        }))];

    /// <summary>Sets variables to the tensors of their names.</summary>
    /// <exception cref="UserException">A tensor is missing or of another shape.</exception>
    public static void Load(IDevice device, IReadOnlyList<VariableValue> variables, SafetensorsReader file, string owner)
    {
        var buffer = NewBuffer(variables);
        foreach (var (name, shape) in variables)
        {
            var entry = file.Find(name);
            if (!shape.Extents.SequenceEqual(entry.Shape.ToArray()))
            {
                throw new UserException(
                    $"The tensor '{name}' has the shape [{string.Join(", ", entry.Shape)}] in '{owner}', but [{string.Join(", ", shape.Extents.ToArray())}] in this model: use the recipe that it was trained with.");
            }

            var values = buffer.AsSpan(0, (int)shape.Count);
            file.Read(name, values);
            device.Write(name, values);
        }
    }
}
