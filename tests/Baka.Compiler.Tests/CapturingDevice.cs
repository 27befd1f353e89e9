using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Reference;

namespace Baka.Compiler.Tests;

/// <summary>Remembers the graphs that are loaded.</summary>
internal sealed class CapturingDevice : IDevice
{
    private readonly ReferenceDevice _device = new();

    public List<TensorGraph> Graphs { get; } = [];

    public IReadOnlyDictionary<string, Shape> Variables => _device.Variables;

    public IProgram Load(TensorGraph graph, int groups = 1)
    {
        Graphs.Add(graph);
        return _device.Load(graph, groups);
    }

    public void Read(string variable, Span<float> to) => _device.Read(variable, to);

    public void Write(string variable, ReadOnlySpan<float> from) => _device.Write(variable, from);

    public void Dispose() => _device.Dispose();
}
