using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cpu.Threading;
using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Cpu.Execution;

/// <summary>
/// Evaluates compiled graphs on the CPU. All programs share one team of threads, the variables, and one arena, which
/// is as large as the hungriest program needs.
/// </summary>
public sealed class CpuDevice : IDevice
{
    private readonly bool _poison;
    private readonly VariablePlacement _placement = new();
    private readonly Dictionary<Storage, NativeBuffer> _variables = [];
    private NativeBuffer _arena = new(0);

    /// <param name="threads">Workers, the calling thread included.</param>
    public CpuDevice(int threads)
        : this(threads, poison: false)
    {
    }

    /// <param name="threads">Workers, the calling thread included.</param>
    /// <param name="poison">Fill the arena with NaN before every evaluation, so that a read before the first write shows.</param>
    internal CpuDevice(int threads, bool poison)
    {
        Team = new ThreadTeam(threads);
        Kernels = new KernelCache(threads);
        _poison = poison;
    }

    public ThreadTeam Team { get; }

    public IReadOnlyDictionary<string, Shape> Variables => _placement.Places.ToDictionary(p => p.Key, p => p.Value.Shape);

    /// <summary>Bytes held for variables, the arena and kernels' scratch.</summary>
    public long Bytes => _variables.Values.Sum(v => v.Count * 4) + _arena.Count * 4 + Kernels.ScratchBytes;

    internal KernelCache Kernels { get; }

    /// <summary>Changes when the arena moves, so that programs know to bind their kernels again.</summary>
    internal int ArenaVersion { get; private set; }

    internal nint ArenaAddress => _arena.Address;

    IProgram IDevice.Load(TensorGraph graph) => Load(graph);

    /// <summary>Compiles a graph and prepares it for repeated evaluation.</summary>
    public CpuProgram Load(TensorGraph graph)
    {
        var plan = PlanBuilder.Build(Pipeline.Run(graph), _placement);
        foreach (var storage in _placement.Storages.Where(s => !_variables.ContainsKey(s)))
        {
            _variables[storage] = new NativeBuffer(storage.Count);
            _variables[storage].Fill(0);
        }

        if (plan.ArenaCount > _arena.Count)
        {
            _arena.Dispose();
            _arena = new NativeBuffer(plan.ArenaCount);
            ArenaVersion++;
        }

        return new CpuProgram(this, plan);
    }

    public void Read(string variable, Span<float> to) => Span(variable).CopyTo(to);

    public void Write(string variable, ReadOnlySpan<float> from) => from.CopyTo(Span(variable));

    public void Dispose()
    {
        Team.Dispose();
        Kernels.Dispose();
        _arena.Dispose();
        foreach (var buffer in _variables.Values)
        {
            buffer.Dispose();
        }
    }

    internal nint VariableAddress(Storage storage) => _variables[storage].Address;

    internal void PrepareArena()
    {
        if (_poison)
        {
            _arena.Fill(float.NaN);
        }
    }

    private unsafe Span<float> Span(string variable)
    {
        if (!_placement.Places.TryGetValue(variable, out var view))
        {
            throw new ArgumentException($"The device has no variable '{variable}'.");
        }

        return new Span<float>((float*)_variables[view.Storage].Address + view.Offset, checked((int)view.Shape.Count));
    }
}
