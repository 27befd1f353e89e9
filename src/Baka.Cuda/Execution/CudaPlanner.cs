using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Cuda.Execution;

/// <summary>
/// Compiles graphs as a GPU would, down to the texts of kernels, and counts the memory they would take. Nothing runs:
/// variables and outputs stay zeros. It needs no GPU.
/// </summary>
public sealed class CudaPlanner : IDevice
{
    private readonly HashSet<Kernel> _kernels = [];
    private readonly List<Plan> _plans = [];
    private long _arena;

    /// <summary>Plans for the first GPU of this machine, or for an H100 where there is none.</summary>
    public CudaPlanner(Precision precision)
        : this(DeviceProfile.Find() ?? DeviceProfile.H100, precision)
    {
    }

    internal CudaPlanner(DeviceProfile profile, Precision precision)
    {
        Compiler = new CudaCompiler(profile, precision);
        Name = profile.Name;
    }

    /// <summary>Of the GPU that is planned for.</summary>
    public string Name { get; }

    public IReadOnlyDictionary<string, Shape> Variables => Compiler.Variables.Shapes;

    /// <summary>Of the programs that are loaded, in the order they were.</summary>
    public IReadOnlyList<Plan> Plans => _plans;

    /// <summary>Number of different kernels.</summary>
    public int KernelCount => _kernels.Count;

    /// <summary>What would be held on the GPU, beside what the driver keeps for itself.</summary>
    public CudaMemoryUse Memory => new(
        Compiler.Variables.Storages.Sum(s => s.Bytes),
        _plans.SelectMany(p => p.Prepared).Distinct().Sum(w => w.Storage.Bytes),
        _arena,
        _plans.Sum(p => new ProgramLayout(p).Bytes),
        ProductRunner.WorkspaceBytes);

    internal CudaCompiler Compiler { get; }

    internal IReadOnlyCollection<Kernel> Kernels => _kernels;

    /// <summary>What each graph has become.</summary>
    internal Dictionary<TensorGraph, LoweredPlan> Lowered { get; } = [];

    public IProgram Load(TensorGraph graph, int groups = 1)
    {
        var lowered = Compiler.Compile(graph, groups);
        _arena = Math.Max(_arena, lowered.Plan.ArenaBytes);
        _kernels.UnionWith(lowered.Kernels);
        _plans.Add(lowered.Plan);
        Lowered[graph] = lowered;
        return new Planned(graph, () => _plans.Remove(lowered.Plan));
    }

    public void Read(string variable, Span<float> to) => to.Clear();

    public void Write(string variable, ReadOnlySpan<float> from)
    {
    }

    public void Dispose()
    {
    }

    private sealed class Planned(TensorGraph graph, Action dispose) : IProgram
    {
        private readonly Dictionary<string, int[]> _ints = Buffers<int>(graph.Inputs, DType.Int32);
        private readonly Dictionary<string, float[]> _floats = Buffers<float>(graph.Inputs, DType.Float32);
        private readonly Dictionary<string, float[]> _outputs = Buffers<float>(graph.Outputs, DType.Float32);

        public Span<int> Ints(string input) => _ints[input];

        public Span<float> Floats(string input) => _floats[input];

        public void Run(int group = 0)
        {
        }

        public ReadOnlySpan<float> Output(string name) => _outputs[name];

        public void Dispose() => dispose();

        private static Dictionary<string, T[]> Buffers<T>(IReadOnlyDictionary<string, Tensor> tensors, DType type) =>
            tensors.Where(t => t.Value.Type == type).ToDictionary(t => t.Key, t => new T[t.Value.Shape.Count]);
    }
}
