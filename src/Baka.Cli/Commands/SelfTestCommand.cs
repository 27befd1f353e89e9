using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Verification;
using Baka.Verification.Checks;

namespace Baka.Cli.Commands;

/// <summary><c>baka selftest</c>: whether a device computes what it should.</summary>
internal sealed class SelfTestCommand : BakaCommand
{
    private readonly Option<string?> _only = Values.Text("--only", "TEXT", "Only checks with this in their group or name");
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Values.Choice<Precision>("--precision", "What a GPU is to compute with [default: f32, then bf16; the CPU has f32 alone]");
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public SelfTestCommand(Terminal terminal)
        : base(terminal, "selftest", "Compare every op and whole training steps with the slow reference, forward and backward, on awkward shapes")
    {
        Examples =
        [
            ("baka selftest --device cuda", "does this GPU compute what it should?"),
            ("baka selftest --device cuda --precision bf16 --only attention", ""),
            ("baka selftest --json", "the CPU, one JSON line a check"),
        ];
        Add(_only, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var device = Common.DeviceOf(arguments, _device, _precision, _threads);
        if (device.Precision == Precision.Bf16Pure)
            throw new UsageException("bf16-pure rounds by chance where bf16 keeps more digits, so there is nothing to compare it with: test bf16, whose kernels it shares.", "baka selftest");
        var failed = 0;
        foreach (var precision in device.Precisions)
            failed += Verify(device with { Precision = precision }, precision, arguments.GetValue(_only) ?? "", arguments.GetValue(_json));
        return failed == 0 ? 0 : 1;
    }

    /// <returns>The number of checks that were not passed.</returns>
    private int Verify(DeviceChoice device, Precision precision, string only, bool json)
    {
        var checks = Catalog.All(precision).Where(check => check.Group.Contains(only, StringComparison.OrdinalIgnoreCase) || check.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToList();
        if (checks.Count == 0)
            throw new UsageException($"No check has '{only}' in its name.", "baka selftest");
        using var tested = new TestedDevice(device);
        var report = new SelfTestReport(Terminal, checks, $"{device.Name} {ChoiceName.Of(precision)}", json);
        report.Begin();
        tested.Compile(checks);
        foreach (var result in Verifier.Run(new Target(tested.Open, precision), checks, Terminal.Interrupted))
            report.Add(result);
        return report.End();
    }
}
