using Baka.Compiler.Plans;
using Baka.Graph;

namespace Baka.Cuda.Lowering;

/// <summary>What kernels of one program are made with.</summary>
internal sealed class LoweringContext(DeviceProfile device)
{
    private readonly List<Storage> _scratch = [];
    private int _step;

    public DeviceProfile Device { get; } = device;

    /// <summary>A number that differs from update to update, where values are rounded by chance; null = they are rounded to nearest.</summary>
    public View? RoundingSeed { get; init; }

    /// <summary>What steps need for themselves, without a place yet.</summary>
    public IReadOnlyList<Storage> AllScratch => _scratch;

    /// <summary>Memory for the operations of the current step alone, with undefined content.</summary>
    public View Scratch(Element type, params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        _scratch.Add(Storage.Scratch(type, shape.Count, _step));
        return new View(_scratch[^1], shape);
    }

    /// <summary>From here on scratch memory is that of another step.</summary>
    /// <param name="number">Of the step in its plan; below 0 for what runs before the first.</param>
    public void BeginStep(int number) => _step = number;
}
