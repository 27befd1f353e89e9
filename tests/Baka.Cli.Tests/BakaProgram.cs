using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Baka.Cli.Shell;
using Baka.Training.Corpora;

namespace Baka.Cli.Tests;

/// <summary>The program under test: called as a function, or started as a process.</summary>
internal static partial class BakaProgram
{
    /// <summary>What a call came to.</summary>
    public sealed record Outcome(int Code, byte[] Bytes, string Error)
    {
        public string Output => Encoding.UTF8.GetString(Bytes);

        public IReadOnlyList<string> Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The signal of Ctrl-C.</summary>
    public const int Interrupt = 2;

    private static string Program => Path.Combine(AppContext.BaseDirectory, "baka.dll");

    public static Outcome Run(params string[] arguments) => Run([], arguments);

    public static Outcome Run(byte[] input, params string[] arguments) => Run(input, onScreen: false, arguments);

    /// <summary>The same with an output that is drawn on.</summary>
    public static Outcome RunOnScreen(params string[] arguments) => Run([], onScreen: true, arguments);

    private static Outcome Run(byte[] input, bool onScreen, string[] arguments)
    {
        var (output, error) = (new MemoryStream(), new MemoryStream());
        using var terminal = new Terminal(new MemoryStream(input), output, error, onScreen);
        var code = CommandLine.Invoke(arguments, terminal);
        return new Outcome(code, output.ToArray(), Encoding.UTF8.GetString(error.ToArray()));
    }

    /// <summary>The same, where anything but success fails the test.</summary>
    public static Outcome Succeed(params string[] arguments)
    {
        var outcome = Run(arguments);
        Assert.True(outcome.Code == 0, $"baka {string.Join(' ', arguments)} ended with {outcome.Code}: {outcome.Error}");
        return outcome;
    }

    /// <summary>Starts a process of its own, whose output can be read.</summary>
    public static Process Start(params string[] arguments) =>
        Start("dotnet", [Program, .. arguments]);

    /// <summary>A pipeline of shell commands in which "baka" is the program.</summary>
    public static Process StartShell(string script) =>
        Start("bash", ["-c", $"baka() {{ dotnet '{Program}' \"$@\"; }}; {script}"]);

    /// <summary>Sends a signal to a process, as the shell's kill does.</summary>
    public static void Signal(Process process, int signal) => Assert.Equal(0, Kill(process.Id, signal));

    private static Process Start(string file, string[] arguments) => Process.Start(new ProcessStartInfo(file, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>
    /// A script's background jobs ignore Ctrl-C, and so would every process that they start. Tests that send it start programs that do not.
    /// </summary>
    [ModuleInitializer]
    internal static void HeedInterrupts()
    {
        const string Ignored = "SigIgn:";
        const nint Default = 0;
        if (!OperatingSystem.IsLinux())
            return;
        var signals = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Ignored, StringComparison.Ordinal))[Ignored.Length..];
        if ((Convert.ToUInt64(signals.Trim(), 16) & 1UL << (Interrupt - 1)) != 0)
            SetHandler(Interrupt, Default);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    /// <summary>Nothing that tests encode is to stay on the machine.</summary>
    [ModuleInitializer]
    internal static void UseAnotherCache()
    {
        var cache = Directory.CreateTempSubdirectory("baka-cli-cache-").FullName;
        Environment.SetEnvironmentVariable(CacheFolder.Variable, cache);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(cache, recursive: true);
    }
}
