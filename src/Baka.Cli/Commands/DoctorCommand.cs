using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;
using Baka.Data;
using Baka.Data.Corpora;
using Baka.Training.Runs;

namespace Baka.Cli.Commands;

/// <summary><c>baka doctor</c>: what this machine has and can do.</summary>
internal sealed class DoctorCommand : BakaCommand
{
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public DoctorCommand(Terminal terminal)
        : base(terminal, "doctor", "Examine the machine")
    {
        Examples = [("baka doctor", "processor, vector width, matrix product, text that is there")];
        Add(_threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var threads = Common.ThreadsOf(arguments, _threads);
        var machine = EnvironmentReport.Collect(threads, "", DateTimeOffset.UtcNow);
        using var team = new ThreadTeam(threads);
        var peak = Sgemm.MeasurePeak(team);
        var corpus = FindCorpus();
        if (arguments.GetValue(_json))
        {
            Terminal.WriteLine(Json.Line(new
            {
                machine.Version, machine.Commit, machine.OperatingSystem, machine.Architecture, machine.Processor, machine.Cores, machine.MemoryBytes,
                machine.DotNet, VectorBits = Sgemm.VectorBits, Threads = threads, MatmulGflops = peak, Corpus = corpus,
            }));
            return 0;
        }

        Terminal.Screen.Write(Tables.Facts(
        [
            ("BakaLLM", machine.Commit is null ? machine.Version : $"{machine.Version} ({machine.Commit[..Math.Min(10, machine.Commit.Length)]})"),
            ("system", $"{machine.OperatingSystem}, {machine.DotNet}"),
            ("processor", $"{machine.Processor}, {machine.Cores} cores, {machine.Architecture}"),
            ("memory", ByteSize.Format(machine.MemoryBytes)),
            ("vectors", $"{Sgemm.VectorBits} bits"),
            ("matrix product", Figures.Invariant($"{peak:F0} GFLOP/s on {threads} threads")),
            ("default text", corpus ?? "none: no .NET SDK with documentation is here, so give text with --data"),
        ]));
        return 0;
    }

    private static string? FindCorpus()
    {
        try
        {
            return SdkDocumentation.Find().Description;
        }
        catch (UserException)
        {
            return null;
        }
    }
}
