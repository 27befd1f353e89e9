using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Baka.Cuda.Interop;

/// <summary>The functions of CUDA's driver that are used here, by their exported names in the driver since CUDA 12.</summary>
internal sealed unsafe class Driver
{
    public readonly delegate* unmanaged<uint, int> Init;
    public readonly delegate* unmanaged<int*, int> DriverGetVersion;
    public readonly delegate* unmanaged<int*, int> DeviceGetCount;
    public readonly delegate* unmanaged<int*, int, int> DeviceGet;
    public readonly delegate* unmanaged<byte*, int, int, int> DeviceGetName;
    public readonly delegate* unmanaged<nuint*, int, int> DeviceTotalMem;
    public readonly delegate* unmanaged<int*, int, int, int> DeviceGetAttribute;

    public readonly delegate* unmanaged<nint*, int, int> PrimaryContextRetain;
    public readonly delegate* unmanaged<int, int> PrimaryContextRelease;
    public readonly delegate* unmanaged<nint, int> ContextSetCurrent;

    public readonly delegate* unmanaged<nuint*, nuint*, int> MemGetInfo;
    public readonly delegate* unmanaged<ulong*, nuint, int> MemAlloc;
    public readonly delegate* unmanaged<ulong, int> MemFree;
    public readonly delegate* unmanaged<nint*, nuint, uint, int> MemHostAlloc;
    public readonly delegate* unmanaged<nint, int> MemFreeHost;
    public readonly delegate* unmanaged<ulong, void*, nuint, nint, int> CopyToDeviceAsync;
    public readonly delegate* unmanaged<void*, ulong, nuint, nint, int> CopyToHostAsync;
    public readonly delegate* unmanaged<ulong, ulong, nuint, nint, int> CopyOnDeviceAsync;
    public readonly delegate* unmanaged<ulong, byte, nuint, nint, int> SetBytesAsync;
    public readonly delegate* unmanaged<ulong, uint, nuint, nint, int> SetWordsAsync;

    public readonly delegate* unmanaged<nint*, uint, int> StreamCreate;
    public readonly delegate* unmanaged<nint, int> StreamDestroy;
    public readonly delegate* unmanaged<nint, int> StreamSynchronize;
    public readonly delegate* unmanaged<nint, int, int> StreamBeginCapture;
    public readonly delegate* unmanaged<nint, nint*, int> StreamEndCapture;

    public readonly delegate* unmanaged<nint*, uint, int> EventCreate;
    public readonly delegate* unmanaged<nint, nint, int> EventRecord;
    public readonly delegate* unmanaged<nint, int> EventSynchronize;
    public readonly delegate* unmanaged<float*, nint, nint, int> EventElapsedTime;
    public readonly delegate* unmanaged<nint, int> EventDestroy;

    public readonly delegate* unmanaged<nint*, void*, int> ModuleLoadData;
    public readonly delegate* unmanaged<nint, int> ModuleUnload;
    public readonly delegate* unmanaged<nint*, nint, byte*, int> ModuleGetFunction;
    public readonly delegate* unmanaged<int*, int, nint, int> FuncGetAttribute;
    public readonly delegate* unmanaged<nint, int, int, int> FuncSetAttribute;
    public readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> LaunchKernel;

    public readonly delegate* unmanaged<void*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int> TensorMapEncodeTiled;

    public readonly delegate* unmanaged<nint*, nint, ulong, int> GraphInstantiate;
    public readonly delegate* unmanaged<nint, nint, int> GraphUpload;
    public readonly delegate* unmanaged<nint, nint, int> GraphLaunch;
    public readonly delegate* unmanaged<nint, nint*, nuint*, int> GraphGetNodes;
    public readonly delegate* unmanaged<nint, int> GraphDestroy;
    public readonly delegate* unmanaged<nint, int> GraphExecDestroy;

    private readonly delegate* unmanaged<int, byte**, int> _errorName;
    private readonly delegate* unmanaged<int, byte**, int> _errorString;

    /// <exception cref="CudaException">A function is missing.</exception>
    public Driver(NativeModule library)
    {
        Init = (delegate* unmanaged<uint, int>)library.Export("cuInit");
        DriverGetVersion = (delegate* unmanaged<int*, int>)library.Export("cuDriverGetVersion");
        DeviceGetCount = (delegate* unmanaged<int*, int>)library.Export("cuDeviceGetCount");
        DeviceGet = (delegate* unmanaged<int*, int, int>)library.Export("cuDeviceGet");
        DeviceGetName = (delegate* unmanaged<byte*, int, int, int>)library.Export("cuDeviceGetName");
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, int>)library.Export("cuDeviceTotalMem_v2");
        DeviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)library.Export("cuDeviceGetAttribute");

        PrimaryContextRetain = (delegate* unmanaged<nint*, int, int>)library.Export("cuDevicePrimaryCtxRetain");
        PrimaryContextRelease = (delegate* unmanaged<int, int>)library.Export("cuDevicePrimaryCtxRelease_v2");
        ContextSetCurrent = (delegate* unmanaged<nint, int>)library.Export("cuCtxSetCurrent");

        MemGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)library.Export("cuMemGetInfo_v2");
        MemAlloc = (delegate* unmanaged<ulong*, nuint, int>)library.Export("cuMemAlloc_v2");
        MemFree = (delegate* unmanaged<ulong, int>)library.Export("cuMemFree_v2");
        MemHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)library.Export("cuMemHostAlloc");
        MemFreeHost = (delegate* unmanaged<nint, int>)library.Export("cuMemFreeHost");
        CopyToDeviceAsync = (delegate* unmanaged<ulong, void*, nuint, nint, int>)library.Export("cuMemcpyHtoDAsync_v2");
        CopyToHostAsync = (delegate* unmanaged<void*, ulong, nuint, nint, int>)library.Export("cuMemcpyDtoHAsync_v2");
        CopyOnDeviceAsync = (delegate* unmanaged<ulong, ulong, nuint, nint, int>)library.Export("cuMemcpyDtoDAsync_v2");
        SetBytesAsync = (delegate* unmanaged<ulong, byte, nuint, nint, int>)library.Export("cuMemsetD8Async");
        SetWordsAsync = (delegate* unmanaged<ulong, uint, nuint, nint, int>)library.Export("cuMemsetD32Async");

        StreamCreate = (delegate* unmanaged<nint*, uint, int>)library.Export("cuStreamCreate");
        StreamDestroy = (delegate* unmanaged<nint, int>)library.Export("cuStreamDestroy_v2");
        StreamSynchronize = (delegate* unmanaged<nint, int>)library.Export("cuStreamSynchronize");
        StreamBeginCapture = (delegate* unmanaged<nint, int, int>)library.Export("cuStreamBeginCapture_v2");
        StreamEndCapture = (delegate* unmanaged<nint, nint*, int>)library.Export("cuStreamEndCapture");

        EventCreate = (delegate* unmanaged<nint*, uint, int>)library.Export("cuEventCreate");
        EventRecord = (delegate* unmanaged<nint, nint, int>)library.Export("cuEventRecord");
        EventSynchronize = (delegate* unmanaged<nint, int>)library.Export("cuEventSynchronize");
        EventElapsedTime = (delegate* unmanaged<float*, nint, nint, int>)library.Export("cuEventElapsedTime");
        EventDestroy = (delegate* unmanaged<nint, int>)library.Export("cuEventDestroy_v2");

        ModuleLoadData = (delegate* unmanaged<nint*, void*, int>)library.Export("cuModuleLoadData");
        ModuleUnload = (delegate* unmanaged<nint, int>)library.Export("cuModuleUnload");
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)library.Export("cuModuleGetFunction");
        FuncGetAttribute = (delegate* unmanaged<int*, int, nint, int>)library.Export("cuFuncGetAttribute");
        FuncSetAttribute = (delegate* unmanaged<nint, int, int, int>)library.Export("cuFuncSetAttribute");
        LaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)library.Export("cuLaunchKernel");

        TensorMapEncodeTiled = (delegate* unmanaged<void*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)library.Export("cuTensorMapEncodeTiled");

        GraphInstantiate = (delegate* unmanaged<nint*, nint, ulong, int>)library.Export("cuGraphInstantiateWithFlags");
        GraphUpload = (delegate* unmanaged<nint, nint, int>)library.Export("cuGraphUpload");
        GraphLaunch = (delegate* unmanaged<nint, nint, int>)library.Export("cuGraphLaunch");
        GraphGetNodes = (delegate* unmanaged<nint, nint*, nuint*, int>)library.Export("cuGraphGetNodes");
        GraphDestroy = (delegate* unmanaged<nint, int>)library.Export("cuGraphDestroy");
        GraphExecDestroy = (delegate* unmanaged<nint, int>)library.Export("cuGraphExecDestroy");

        _errorName = (delegate* unmanaged<int, byte**, int>)library.Export("cuGetErrorName");
        _errorString = (delegate* unmanaged<int, byte**, int>)library.Export("cuGetErrorString");
    }

    /// <exception cref="CudaException">The result is an error.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Check(int result, string call)
    {
        if (result != 0)
        {
            Throw(result, call);
        }
    }

    /// <summary>The error's name and what the driver says of it.</summary>
    public string Describe(int result)
    {
        byte* name = null;
        byte* text = null;
        _ = _errorName(result, &name);
        _ = _errorString(result, &text);
        return $"{Marshal.PtrToStringUTF8((nint)name) ?? "error"} ({result}): {Marshal.PtrToStringUTF8((nint)text) ?? "unknown to the driver"}";
    }

    [DoesNotReturn]
    private void Throw(int result, string call) => throw new CudaException(DriverErrors.Sentence(result, call, Describe(result)));
}
