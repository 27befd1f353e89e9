using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Baka.Training.Runs;

/// <summary>What a run ran on, so that its figures can be judged and repeated.</summary>
/// <param name="Version">Of this program.</param>
/// <param name="Commit">That the program was built from; null when it was built outside a repository.</param>
/// <param name="OperatingSystem">Name and version.</param>
/// <param name="Architecture">Of the process.</param>
/// <param name="Processor">Its name, or the architecture where none is to be had.</param>
/// <param name="Cores">Logical cores that the process may use.</param>
/// <param name="MemoryBytes">That the process may use.</param>
/// <param name="SimdBits">Width of the widest vectors that the machine accelerates.</param>
/// <param name="DotNet">The version of the runtime.</param>
/// <param name="Threads">That train.</param>
/// <param name="CommandLine">How the program was called.</param>
/// <param name="StartedUtc">When the run began.</param>
public sealed record EnvironmentReport(
    string Version,
    string? Commit,
    string OperatingSystem,
    string Architecture,
    string Processor,
    int Cores,
    long MemoryBytes,
    int SimdBits,
    string DotNet,
    int Threads,
    string CommandLine,
    DateTimeOffset StartedUtc)
{
    /// <summary>The GPU that computes; null = the CPU does.</summary>
    public string? Gpu { get; init; }

    /// <summary>What is computed with, as recipes write it.</summary>
    public string? Precision { get; init; }

    /// <summary>The report on this process.</summary>
    public static EnvironmentReport Collect(int threads, string commandLine, DateTimeOffset started)
    {
        // The SDK appends the commit of the repository it builds in: "0.1.0+ef25456…".
        var version = typeof(EnvironmentReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+');
        return new EnvironmentReport(
            version[0],
            version.ElementAtOrDefault(1),
            RuntimeInformation.OSDescription,
            RuntimeInformation.ProcessArchitecture.ToString(),
            ProcessorName() ?? RuntimeInformation.ProcessArchitecture.ToString(),
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 64,
            RuntimeInformation.FrameworkDescription,
            threads,
            commandLine,
            started.ToUniversalTime());
    }

    public string ToJson() => JsonSerializer.Serialize(this, EnvironmentJson.Default.EnvironmentReport);

    /// <summary>The name that an x86 processor gives itself in 48 characters (CPUID leaves 0x80000002 to 4).</summary>
    private static string? ProcessorName()
    {
        const uint FirstLeaf = 0x8000_0002;
        const uint LastLeaf = 0x8000_0004;
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax < LastLeaf)
        {
            return null;
        }

        var registers = new List<int>();
        for (var leaf = FirstLeaf; leaf <= LastLeaf; leaf++)
        {
            var (a, b, c, d) = X86Base.CpuId((int)leaf, 0);
            registers.AddRange([a, b, c, d]);
        }

        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(registers.ToArray().AsSpan())).TrimEnd('\0').Trim();
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(EnvironmentReport))]
internal sealed partial class EnvironmentJson : JsonSerializerContext;
