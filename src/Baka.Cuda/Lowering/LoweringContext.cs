using Baka.Compiler.Plans;
using Baka.Graph;

namespace Baka.Cuda.Lowering;

/// <summary>What kernels of one program are made with.</summary>
internal sealed class LoweringContext(DeviceProfile device)
{
    private const long Alignment = 256;

    private long _scratch;

    public DeviceProfile Device { get; } = device;

    /// <summary>A number that differs from update to update, where values are rounded by chance; null = they are rounded to nearest.</summary>
    public View? RoundingSeed { get; init; }

    /// <summary>Bytes that the hungriest step needs besides the arena.</summary>
    public long ScratchBytes { get; private set; }

    /// <summary>Memory for the operations of the current step alone, with undefined content.</summary>
    public View Scratch(Element type, params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        var storage = new Storage(StorageKind.Scratch, "scratch", type, shape.Count) { Offset = _scratch };
        _scratch += (storage.Bytes + Alignment - 1) / Alignment * Alignment;
        ScratchBytes = Math.Max(ScratchBytes, _scratch);
        return new View(storage, shape);
    }

    /// <summary>From here on scratch memory is used anew.</summary>
    public void BeginStep() => _scratch = 0;
}
