using Baka.Compiler.Plans;

namespace Baka.Cuda.Execution;

/// <summary>Storages one after the other in one stretch of memory.</summary>
internal sealed class StorageLayout
{
    // What kernels with the widest loads and products are fastest with.
    private const long Alignment = 256;

    private readonly Dictionary<Storage, long> _offsets = [];

    public StorageLayout(IEnumerable<Storage> storages)
    {
        foreach (var storage in storages)
        {
            _offsets[storage] = Bytes;
            Bytes += (storage.Bytes + Alignment - 1) / Alignment * Alignment;
        }
    }

    public long Bytes { get; private set; }

    public long OffsetOf(Storage storage) => _offsets[storage];

    public bool Holds(Storage storage) => _offsets.ContainsKey(storage);
}
