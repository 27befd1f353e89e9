using Baka.Compiler.Plans;
using Baka.Cuda.Compilation;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Cuda.Execution;

/// <summary>
/// Evaluates compiled graphs on the first visible NVIDIA GPU. All programs share the variables, the copies of
/// parameters that products read, and one arena, as large as the hungriest needs.
/// </summary>
public sealed class CudaDevice : IDevice
{
    private readonly KernelCompiler _kernels;
    private readonly ProductRunner _products;
    private readonly Dictionary<Storage, DeviceMemory> _variables = [];
    private readonly Dictionary<Storage, DeviceMemory> _weights = [];
    private readonly Dictionary<PreparedWeight, int> _weightVersions = [];
    private readonly List<CudaProgram> _programs = [];
    private readonly HostCopy _hostCopy;
    private readonly bool _poison;
    private CudaCompiler _compiler;
    private Dictionary<TensorGraph, LoweredPlan> _planned = [];
    private int _parameterVersion;

    /// <param name="cacheFolder">Where compiled kernels and choices of algorithms are kept from run to run.</param>
    /// <param name="poison">Fill the arena with NaN before every evaluation, so that a read before the first write shows.</param>
    /// <exception cref="CudaException">There is no GPU, or a library is missing.</exception>
    public CudaDevice(Precision precision, string cacheFolder, bool poison = false)
    {
        Context = CudaContext.Open();
        Stream = new CudaStream(Context);
        _compiler = new CudaCompiler(Context.Profile, precision);
        _kernels = new KernelCompiler(Context, cacheFolder);
        _products = new ProductRunner(Context, Stream, cacheFolder, precision == Precision.Tf32);
        _hostCopy = new HostCopy(Context, Stream);
        _poison = poison;
        Recorder = new Recorder(Stream, _kernels, _products, new ArgumentWriter(Context.Driver));
        Arena = new DeviceMemory(Context, 0);
    }

    public Precision Precision => _compiler.Precision;

    public string Name => Context.Profile.Name;

    public IReadOnlyDictionary<string, Shape> Variables => _compiler.Variables.Shapes;

    /// <summary>The programs in the order they were loaded.</summary>
    public IReadOnlyList<CudaProgram> Programs => _programs;

    /// <summary>What is held on the GPU now.</summary>
    public CudaMemoryUse Memory => new(
        _variables.Values.Sum(m => m.Bytes),
        _weights.Values.Sum(m => m.Bytes),
        Arena.Bytes,
        _programs.Sum(p => p.OwnBytes),
        ProductRunner.WorkspaceBytes);

    /// <summary>Memory of the GPU that no program uses.</summary>
    public long FreeBytes => Context.FreeBytes;

    public long TotalBytes => Context.TotalBytes;

    internal CudaContext Context { get; }

    internal CudaStream Stream { get; }

    internal Recorder Recorder { get; }

    internal DeviceMemory Arena { get; private set; }

    /// <summary>Changes when shared memory moves, so that programs know to record themselves again.</summary>
    internal int MemoryVersion { get; private set; }

    IProgram IDevice.Load(TensorGraph graph, int groups) => Load(graph, groups);

    /// <summary>A device that only plans, for this GPU and with this precision.</summary>
    public CudaPlanner CreatePlanner() => new(Context.Profile, Precision);

    /// <summary>Remembers what was planned for this device, so that the same graphs need not be planned again when they are loaded.</summary>
    /// <exception cref="InvalidOperationException">A program is loaded, and the planner did not know where its variables lie.</exception>
    public void TakeOver(CudaPlanner planner)
    {
        if (_compiler.Variables.Storages.Count > 0)
        {
            throw new InvalidOperationException("Plans can be taken over only before anything is loaded.");
        }

        (_compiler, _planned) = (planner.Compiler, planner.Lowered);
    }

    /// <summary>Compiles all kernels of what was planned on all cores, so that devices find them in the cache.</summary>
    /// <exception cref="CudaException">The text of a kernel is not valid.</exception>
    public void Compile(IEnumerable<CudaPlanner> planned) => _kernels.Compile(planned.SelectMany(p => p.Kernels));

    /// <summary>Compiles a graph and takes the memory that it needs.</summary>
    /// <exception cref="CudaException">The GPU's memory is not enough.</exception>
    public CudaProgram Load(TensorGraph graph, int groups = 1)
    {
        Context.MakeCurrent();
        var lowered = _planned.Remove(graph, out var planned) ? planned : _compiler.Compile(graph, groups);
        foreach (var storage in _compiler.Variables.Storages.Where(s => !_variables.ContainsKey(s)))
        {
            _variables[storage] = new DeviceMemory(Context, storage.Bytes);
            Stream.Clear(_variables[storage].Address, storage.Bytes);
        }

        foreach (var weight in lowered.Plan.Prepared.Concat(lowered.Plan.Refreshed).Where(w => !_weights.ContainsKey(w.Storage)))
        {
            _weights[weight.Storage] = new DeviceMemory(Context, weight.Storage.Bytes);
            _weightVersions[weight] = -1;
        }

        Arena = Grown(Arena, lowered.Plan.ArenaBytes);
        Recorder.Prepare([.. lowered.Operations], Arena);
        _programs.Add(new CudaProgram(this, lowered));
        return _programs[^1];
    }

    /// <summary>Floating-point operations a second of a large matrix product with this precision: what training is compared with.</summary>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double MeasureProductRate()
    {
        Context.MakeCurrent();
        return new DeviceSpeed(Context, Stream).ProductFlops(_products, _compiler.Weights.Element);
    }

    /// <summary>Bytes read and written a second when memory is copied on the GPU.</summary>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double MeasureCopyRate()
    {
        Context.MakeCurrent();
        return new DeviceSpeed(Context, Stream).CopyBandwidth();
    }

    public void Read(string variable, Span<float> to)
    {
        var (view, address) = Find(variable);
        if (view.IsDense)
        {
            _hostCopy.Read(address, view.Storage.Type, to);
            return;
        }

        var lying = new float[view.Shape.Count];
        _hostCopy.Read(address, view.Storage.Type, lying);
        view.Sort(lying, to);
    }

    public void Write(string variable, ReadOnlySpan<float> from)
    {
        var (view, address) = Find(variable);
        if (!view.IsDense)
        {
            var lying = new float[view.Shape.Count];
            view.Unsort(from, lying);
            from = lying;
        }

        _hostCopy.Write(address, view.Storage.Type, from);
        _parameterVersion++;
    }

    public void Write(string variable, PartMaker make)
    {
        var (view, address) = Find(variable);
        if (!view.IsDense)
        {
            var values = new float[view.Shape.Count];
            make(0, values);
            Write(variable, values);
            return;
        }

        _hostCopy.Write(address, view.Storage.Type, view.Shape.Count, make);
        _parameterVersion++;
    }

    public void Dispose()
    {
        foreach (var memory in _variables.Values.Concat(_weights.Values).Append(Arena))
        {
            memory.Dispose();
        }

        _hostCopy.Dispose();
        _products.Dispose();
        _kernels.Dispose();
        Stream.Dispose();
        Context.Dispose();
    }

    internal ulong VariableAddress(Storage storage) => _variables[storage].Address;

    internal ulong WeightAddress(Storage storage) => _weights[storage].Address;

    /// <summary>Parameters have changed: what is prepared from them is out of date, unless it has changed with them.</summary>
    internal void MarkParametersChanged(IEnumerable<PreparedWeight> refreshed)
    {
        _parameterVersion++;
        foreach (var weight in refreshed)
        {
            _weightVersions[weight] = _parameterVersion;
        }
    }

    /// <summary>Whether a program that changes parameters brings a copy of them up to date itself.</summary>
    internal bool IsRefreshed(PreparedWeight weight) => _programs.Any(program => program.Plan.Refreshed.Contains(weight));

    /// <summary>Whether a copy of parameters must be made again before it is read; if so it counts as made.</summary>
    internal bool ClaimStale(PreparedWeight weight)
    {
        var stale = _weightVersions[weight] != _parameterVersion;
        _weightVersions[weight] = _parameterVersion;
        return stale;
    }

    internal void Forget(CudaProgram program) => _programs.Remove(program);

    internal void PoisonMemory()
    {
        if (_poison)
        {
            Stream.Fill(Arena.Address, 0xffffffff, Arena.Bytes / 4);
        }
    }

    private DeviceMemory Grown(DeviceMemory memory, long bytes)
    {
        if (bytes <= memory.Bytes)
        {
            return memory;
        }

        Stream.Synchronize();
        memory.Dispose();
        MemoryVersion++;
        return new DeviceMemory(Context, bytes);
    }

    private (View View, ulong Address) Find(string variable)
    {
        Context.MakeCurrent();
        return _compiler.Variables.Places.TryGetValue(variable, out var view)
            ? (view, _variables[view.Storage].Address + (ulong)(view.Offset * view.Storage.Type.Bytes))
            : throw new ArgumentException($"The device has no variable '{variable}'.");
    }
}

/// <summary>Bytes on a GPU by what they are for.</summary>
/// <param name="Variables">Parameters, moments, sums of gradients, what rows carry.</param>
/// <param name="Weights">Parameters as products read them.</param>
/// <param name="Arena">Activations and gradients, and what kernels work in.</param>
/// <param name="Buffers">Inputs, outputs and constants of programs.</param>
/// <param name="Workspace">Of matrix products.</param>
public sealed record CudaMemoryUse(long Variables, long Weights, long Arena, long Buffers, long Workspace)
{
    public long Total => Variables + Weights + Arena + Buffers + Workspace;
}
