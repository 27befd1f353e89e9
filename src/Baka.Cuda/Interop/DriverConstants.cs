namespace Baka.Cuda.Interop;

/// <summary>CUdevice_attribute of cuda.h.</summary>
internal static class DeviceAttribute
{
    public const int Multiprocessors = 16;
    public const int CapabilityMajor = 75;
    public const int CapabilityMinor = 76;

    /// <summary>The most dynamic shared memory of a block, which a kernel must ask for.</summary>
    public const int SharedBytesOptIn = 97;
}

/// <summary>Of cuTensorMapEncodeTiled in cuda.h.</summary>
internal static class TensorMap
{
    /// <summary>Of a map, and what its address must be a multiple of at least.</summary>
    public const int Bytes = 128;

    public const int BFloat16 = 9;
    public const int NotInterleaved = 0;
    public const int Swizzle128 = 3;
    public const int Promote128 = 2;
    public const int FillWithZeros = 0;
}

/// <summary>CUfunction_attribute of cuda.h.</summary>
internal static class FunctionAttribute
{
    public const int StaticSharedBytes = 1;
    public const int LocalBytes = 3;
    public const int Registers = 4;
    public const int MaxDynamicSharedBytes = 8;
}
