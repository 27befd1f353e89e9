using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;
using Baka.Cuda.Interop;
using Baka.Data;
using Baka.Data.Corpora;
using Baka.Model;
using Baka.Model.Recipes;
using Baka.Training.Corpora;
using Baka.Training.Devices;
using Baka.Training.Runs;
using Spectre.Console;

namespace Baka.Cli.Commands;

/// <summary><c>baka doctor</c>: what this machine has and can do, and whether a model remembers as it should.</summary>
internal sealed class DoctorCommand : BakaCommand
{
    private readonly Argument<string?> _model = new("MODEL")
    {
        Description = "A recipe, a run or a checkpoint whose memory is to be tested",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public DoctorCommand(Terminal terminal)
        : base(terminal, "doctor", "Examine the machine, and the memory of a model")
    {
        Examples =
        [
            ("baka doctor", "processor, GPU and its libraries, matrix product, text that is there"),
            ("baka doctor rmt-16", "also: does memory work as it should in this recipe?"),
            ("baka doctor runs/NAME", "the same with trained weights"),
        ];
        Add(_model, _set, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var device = Common.DeviceOf(arguments, _device, _precision, _threads);
        var isJson = arguments.GetValue(_json);
        var machine = Machine.Examine(device.Threads);
        if (!isJson)
            WriteMachine(machine);
        var checks = arguments.GetValue(_model) is { } model ? MemoryTest.Run(model, arguments.GetRequiredValue(_set), device) : null;
        if (isJson)
            Terminal.WriteLine(Json.Line(new { Machine = machine, MemoryTest = checks }));
        else if (checks is not null)
            WriteChecks(checks);
        return checks is null || checks.All(check => check.Passed) ? 0 : 1;
    }

    private void WriteMachine(Machine machine) => Terminal.Screen.Write(Tables.Facts(
    [
        ("BakaLLM", machine.Commit is null ? machine.Version : $"{machine.Version} ({machine.Commit[..Math.Min(10, machine.Commit.Length)]})"),
        ("system", $"{machine.OperatingSystem}, {machine.DotNet}"),
        ("processor", $"{machine.Processor}, {machine.Cores} cores, {machine.Architecture}"),
        ("memory", ByteSize.Format(machine.MemoryBytes)),
        ("vectors", $"{machine.VectorBits} bits"),
        ("matrix product", Figures.Invariant($"{machine.MatmulGflops:F0} GFLOP/s on {machine.Threads} threads")),
        ("default text", machine.Corpus ?? "none: no .NET SDK with documentation is here, so give text with --data"),
        ("cache", machine.Cache),
        .. GpuFacts.Of(machine.Cuda),
    ]));

    private void WriteChecks(IReadOnlyList<SelfTestCheck> checks)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = false };
        table.AddColumns("", "", "");
        foreach (var check in checks)
            table.Row(check.Passed ? "✓" : "✗", check.Name, check.Detail);
        Terminal.WriteLine("");
        Terminal.Screen.Write(table);
        if (checks.Any(check => !check.Passed))
            Terminal.WriteLine("This model's memory does not work as it should.");
    }

    private sealed record Machine(
        string Version, string? Commit, string OperatingSystem, string Architecture, string Processor, int Cores, long MemoryBytes, string DotNet,
        int VectorBits, int Threads, double MatmulGflops, string? Corpus, string Cache, CudaSurvey Cuda)
    {
        public static Machine Examine(int threads)
        {
            var report = EnvironmentReport.Collect(threads, "", DateTimeOffset.UtcNow);
            using var team = new ThreadTeam(threads);
            return new Machine(
                report.Version, report.Commit, report.OperatingSystem, report.Architecture, report.Processor, report.Cores, report.MemoryBytes, report.DotNet,
                Sgemm.VectorBits, threads, Sgemm.MeasurePeak(team), FindCorpus(), CacheFolder.Path, CudaSurvey.Take());
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
}
