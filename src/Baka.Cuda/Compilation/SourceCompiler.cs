using System.Text;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Compilation;

/// <summary>Compiles one CUDA C++ text to the machine code of one architecture. Can be used by many threads at once.</summary>
internal sealed unsafe class SourceCompiler(Nvrtc nvrtc, string architecture)
{
    /// <summary>What kernels are compiled with. They include no header, so that none need be installed.</summary>
    public IReadOnlyList<string> Options { get; } = ["--std=c++17", "-default-device", "--use_fast_math", $"-arch={architecture}"];

    public Version Version => nvrtc.Version;

    /// <summary>The architecture as NVRTC names it. Instructions for Hopper alone need the letter.</summary>
    public static string Architecture(int major, int minor) => (major, minor) == (9, 0) ? "sm_90a" : $"sm_{major}{minor}";

    /// <returns>A cubin.</returns>
    /// <exception cref="CudaException">The text is not valid.</exception>
    public byte[] Compile(string source, string name)
    {
        nint program = 0;
        fixed (byte* text = Terminated(source), file = Terminated(name + ".cu"))
        {
            nvrtc.Check(nvrtc.CreateProgram(&program, text, file, 0, null, null), "nvrtcCreateProgram");
        }

        try
        {
            var result = CompileProgram(program);
            return result == 0 ? Cubin(program) : throw new CudaException($"The kernel {name} can't be compiled, which is a bug of BakaLLM ({result}):\n{Log(program)}");
        }
        finally
        {
            _ = nvrtc.DestroyProgram(&program);
        }
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private int CompileProgram(nint program)
    {
        // All options in one text, each with its end.
        var options = stackalloc byte*[Options.Count];
        fixed (byte* text = Encoding.UTF8.GetBytes(string.Concat(Options.Select(option => option + '\0'))))
        {
            var next = text;
            for (var i = 0; i < Options.Count; i++)
            {
                options[i] = next;
                next += Options[i].Length + 1;
            }

            return nvrtc.CompileProgram(program, Options.Count, options);
        }
    }

    private byte[] Cubin(nint program)
    {
        nuint bytes;
        nvrtc.Check(nvrtc.GetCubinSize(program, &bytes), "nvrtcGetCUBINSize");
        var cubin = new byte[bytes];
        fixed (byte* target = cubin)
        {
            nvrtc.Check(nvrtc.GetCubin(program, target), "nvrtcGetCUBIN");
        }

        return cubin;
    }

    private string Log(nint program)
    {
        nuint bytes;
        nvrtc.Check(nvrtc.GetLogSize(program, &bytes), "nvrtcGetProgramLogSize");
        var log = new byte[bytes];
        fixed (byte* target = log)
        {
            nvrtc.Check(nvrtc.GetLog(program, target), "nvrtcGetProgramLog");
        }

        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }
}
