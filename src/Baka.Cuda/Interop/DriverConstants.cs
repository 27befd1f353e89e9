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

/// <summary>CUfunction_attribute of cuda.h.</summary>
internal static class FunctionAttribute
{
    public const int StaticSharedBytes = 1;
    public const int LocalBytes = 3;
    public const int Registers = 4;
    public const int MaxDynamicSharedBytes = 8;
}
