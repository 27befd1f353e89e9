using Baka.Compiler.Plans;
using Baka.Cpu.Execution;
using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Training.Benchmarks;

/// <summary>A CPU device that remembers what it compiled.</summary>
internal sealed class PlanRecorder(CpuDevice device) : IDevice
{
    private readonly List<Plan> _plans = [];

    public IReadOnlyList<Plan> Plans => _plans;

    public IReadOnlyDictionary<string, Shape> Variables => device.Variables;

    public IProgram Load(TensorGraph graph)
    {
        var program = device.Load(graph);
        _plans.Add(program.Plan);
        return program;
    }

    public void Read(string variable, Span<float> to) => device.Read(variable, to);

    public void Write(string variable, ReadOnlySpan<float> from) => device.Write(variable, from);

    public void Dispose() => device.Dispose();
}
