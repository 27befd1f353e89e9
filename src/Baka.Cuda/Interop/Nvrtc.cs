using System.Runtime.InteropServices;

namespace Baka.Cuda.Interop;

/// <summary>The compiler of CUDA C++ at run time.</summary>
internal sealed unsafe class Nvrtc
{
    public readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> CreateProgram;
    public readonly delegate* unmanaged<nint*, int> DestroyProgram;
    public readonly delegate* unmanaged<nint, int, byte**, int> CompileProgram;
    public readonly delegate* unmanaged<nint, nuint*, int> GetCubinSize;
    public readonly delegate* unmanaged<nint, byte*, int> GetCubin;
    public readonly delegate* unmanaged<nint, nuint*, int> GetLogSize;
    public readonly delegate* unmanaged<nint, byte*, int> GetLog;

    private readonly delegate* unmanaged<int, byte*> _errorString;

    /// <exception cref="CudaException">A function is missing.</exception>
    public Nvrtc(NativeModule library)
    {
        CreateProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)library.Export("nvrtcCreateProgram");
        DestroyProgram = (delegate* unmanaged<nint*, int>)library.Export("nvrtcDestroyProgram");
        CompileProgram = (delegate* unmanaged<nint, int, byte**, int>)library.Export("nvrtcCompileProgram");
        GetCubinSize = (delegate* unmanaged<nint, nuint*, int>)library.Export("nvrtcGetCUBINSize");
        GetCubin = (delegate* unmanaged<nint, byte*, int>)library.Export("nvrtcGetCUBIN");
        GetLogSize = (delegate* unmanaged<nint, nuint*, int>)library.Export("nvrtcGetProgramLogSize");
        GetLog = (delegate* unmanaged<nint, byte*, int>)library.Export("nvrtcGetProgramLog");
        _errorString = (delegate* unmanaged<int, byte*>)library.Export("nvrtcGetErrorString");
        int major, minor;
        Check(((delegate* unmanaged<int*, int*, int>)library.Export("nvrtcVersion"))(&major, &minor), "nvrtcVersion");
        Version = new Version(major, minor);
    }

    public Version Version { get; }

    /// <exception cref="CudaException">The result is an error.</exception>
    public void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new CudaException($"NVRTC refused {call}: {Marshal.PtrToStringUTF8((nint)_errorString(result))} ({result}).");
        }
    }
}
