using Baka.Cpu.Kernels;

namespace Baka.Cpu.Execution;

/// <summary>
/// One kernel for all steps of the same sizes: kernels run one after the other, so they can share their scratch and
/// are bound anew before each run.
/// </summary>
internal sealed class KernelCache(int workers) : IDisposable
{
    private readonly Dictionary<object, Kernel> _kernels = [];
    private readonly Dictionary<(int Positions, int Width, float Theta), RopeTable> _ropes = [];

    public int Workers { get; } = workers;

    public long ScratchBytes => _kernels.Values.Sum(k => k.ScratchBytes) + _ropes.Values.Sum(r => r.ScratchBytes);

    public TKernel Get<TKernel>(object sizes, Func<TKernel> create)
        where TKernel : Kernel
    {
        var key = (typeof(TKernel), sizes);
        if (!_kernels.TryGetValue(key, out var kernel))
        {
            _kernels[key] = kernel = create();
        }

        return (TKernel)kernel;
    }

    public RopeTable Rope(int positions, int width, float theta)
    {
        var key = (positions, width, theta);
        if (!_ropes.TryGetValue(key, out var rope))
        {
            _ropes[key] = rope = new RopeTable(positions, width, theta);
        }

        return rope;
    }

    public void Dispose()
    {
        foreach (var kernel in _kernels.Values)
        {
            kernel.Dispose();
        }

        foreach (var rope in _ropes.Values)
        {
            rope.Dispose();
        }
    }
}
