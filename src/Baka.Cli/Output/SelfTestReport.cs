using Baka.Cli.Shell;
using Baka.Verification;
using Baka.Verification.Checks;

namespace Baka.Cli.Output;

/// <summary>Shows the results of checks as they come: a table, or a JSON line each.</summary>
/// <param name="device">And its precision, in words.</param>
internal sealed class SelfTestReport(Terminal terminal, IReadOnlyList<Check> checks, string device, bool json)
{
    private const int FigureWidth = 10;

    private readonly int _groupWidth = checks.Max(check => check.Group.Length);
    private readonly int _nameWidth = checks.Max(check => check.Name.Length);
    private readonly List<CheckResult> _results = [];

    public void Begin()
    {
        if (!json)
            terminal.WriteLine($"{device}{Padding(3 + _groupWidth + _nameWidth - device.Length)}{"error",FigureWidth}{"tolerance",FigureWidth + 2}  largest at");
    }

    public void Add(CheckResult result)
    {
        _results.Add(result);
        if (json)
        {
            terminal.WriteLine(Json.Line(new { Device = device, result.Group, result.Check, result.Passed, result.Error, result.Tolerance, result.Detail, result.Seconds }));
            return;
        }

        var mark = result.Passed ? '✓' : '✗';
        terminal.WriteLine(
            $"{mark} {result.Group.PadRight(_groupWidth)} {result.Check.PadRight(_nameWidth)}{Figure(result.Error),FigureWidth}{Figure(result.Tolerance),FigureWidth + 2}  {result.Detail}");
    }

    /// <returns>The number of checks that were not passed.</returns>
    public int End()
    {
        var failed = _results.Count(result => !result.Passed);
        if (!json)
        {
            var seconds = TimeSpan.FromSeconds(_results.Sum(result => result.Seconds));
            terminal.WriteLine(failed == 0
                ? $"All {_results.Count} checks passed in {Figures.Duration(seconds)}.\n"
                : $"{failed} of {_results.Count} checks failed: {string.Join(", ", _results.Where(result => !result.Passed).Select(result => result.Check))}.\n");
        }

        return failed;
    }

    private static string Figure(double? value) => value is { } number ? Figures.Invariant($"{number:0.0e-0}") : "";

    private static string Padding(int count) => new(' ', Math.Max(0, count));
}
