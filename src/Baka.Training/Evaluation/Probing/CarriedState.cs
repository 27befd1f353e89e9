using Baka.Graph.Execution;
using Baka.Model;

namespace Baka.Training.Evaluation.Probing;

/// <summary>A copy of what rows carry, which can be given back changed.</summary>
/// <param name="device">Has the variables.</param>
/// <param name="carry">Each with rows first.</param>
internal sealed class CarriedState(IDevice device, IReadOnlyList<CarrySpec> carry)
{
    /// <summary>A row's source that stands for zeros.</summary>
    public const int Zeros = -1;

    private readonly float[][] _values = [.. carry.Select(variable => new float[variable.Shape.Count])];
    private readonly float[] _changed = new float[carry.Max(variable => variable.Shape.Count)];

    /// <summary>Copies the state as it is now.</summary>
    public void Read()
    {
        for (var i = 0; i < carry.Count; i++)
        {
            device.Read(carry[i].Name, _values[i]);
        }
    }

    /// <summary>Gives the copied state back.</summary>
    public void Write()
    {
        for (var i = 0; i < carry.Count; i++)
        {
            device.Write(carry[i].Name, _values[i]);
        }
    }

    /// <summary>Gives every row what another had.</summary>
    /// <param name="sources">[rows]: whose state each row gets, or <see cref="Zeros"/>.</param>
    public void Write(ReadOnlySpan<int> sources)
    {
        for (var i = 0; i < carry.Count; i++)
        {
            var size = _values[i].Length / sources.Length;
            for (var row = 0; row < sources.Length; row++)
            {
                var to = _changed.AsSpan(row * size, size);
                if (sources[row] == Zeros)
                {
                    to.Clear();
                }
                else
                {
                    _values[i].AsSpan(sources[row] * size, size).CopyTo(to);
                }
            }

            device.Write(carry[i].Name, _changed.AsSpan(0, _values[i].Length));
        }
    }
}
