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
    // Values that a thread makes at a time: they stay in its cache.
    private const int PartLength = 1 << 16;

    private readonly MemoryUse _use;
    private readonly VariablePlacement _placement = new();
    private readonly Dictionary<Storage, NativeBuffer> _variables = [];
    private readonly List<CpuProgram> _programs = [];
    private NativeBuffer _arena = new(0);

    /// <param name="threads">Workers, the calling thread included.</param>
    public CpuDevice(int threads)
        : this(threads, MemoryUse.Normal)
    {
    }

    /// <param name="threads">Workers, the calling thread included.</param>
    /// <param name="use">What is done with memory beyond the programs' own use.</param>
    public CpuDevice(int threads, MemoryUse use)
    {
        Team = new ThreadTeam(threads);
        Kernels = new KernelCache(threads);
        _use = use;
    }

    public ThreadTeam Team { get; }

    public IReadOnlyDictionary<string, Shape> Variables => _placement.Shapes;

    /// <summary>The programs in the order they were loaded.</summary>
    public IReadOnlyList<CpuProgram> Programs => _programs;

    /// <summary>Bytes of all variables.</summary>
    public long VariableBytes => _variables.Values.Sum(v => v.Count * 4);

    /// <summary>Bytes of the arena that all programs share.</summary>
    public long ArenaBytes => _arena.Count * 4;

    /// <summary>Bytes that kernels keep for themselves.</summary>
    public long ScratchBytes => Kernels.ScratchBytes;

    internal KernelCache Kernels { get; }

    /// <summary>Changes when the arena moves, so that programs know to bind their kernels again.</summary>
    internal int ArenaVersion { get; private set; }

    internal nint ArenaAddress => _arena.Address;

    IProgram IDevice.Load(TensorGraph graph, int groups) => Load(graph, groups);

    /// <summary>Compiles a graph and prepares it for repeated evaluation.</summary>
    public CpuProgram Load(TensorGraph graph, int groups = 1)
    {
        var plan = PlanBuilder.Build(Pipeline.Cpu.Run(graph), _placement, groups);
        foreach (var storage in _placement.Storages.Where(s => !_variables.ContainsKey(s)))
        {
            _variables[storage] = new NativeBuffer(storage.Count);
            if (_use != MemoryUse.Reserved)
            {
                _variables[storage].Fill(0);
            }
        }

        if (plan.ArenaBytes > ArenaBytes)
        {
            _arena.Dispose();
            _arena = new NativeBuffer(plan.ArenaBytes / 4);
            ArenaVersion++;
        }

        _programs.Add(new CpuProgram(this, plan, groups));
        return _programs[^1];
    }

    public void Read(string variable, Span<float> to)
    {
        var view = Find(variable);
        view.Sort(Span(view), to);
    }

    public void Write(string variable, ReadOnlySpan<float> from)
    {
        var view = Find(variable);
        view.Unsort(from, Span(view));
    }

    public void Write(string variable, PartMaker make)
    {
        var view = Find(variable);
        if (!view.IsDense)
        {
            var values = new float[view.Shape.Count];
            make(0, values);
            view.Unsort(values, Span(view));
            return;
        }

        var parts = (Span(view).Length + PartLength - 1) / PartLength;
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = Team.Size }, part =>
        {
            var rest = Span(view)[(part * PartLength)..];
            make((long)part * PartLength, rest[..Math.Min(PartLength, rest.Length)]);
        });
    }

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
        if (_use == MemoryUse.Poisoned)
        {
            _arena.Fill(float.NaN);
        }
    }

    private View Find(string variable) =>
        _placement.Places.TryGetValue(variable, out var view) ? view : throw new ArgumentException($"The device has no variable '{variable}'.");

    private unsafe Span<float> Span(View view) => new((float*)_variables[view.Storage].Address + view.Offset, checked((int)view.Shape.Count));
}
