using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Evaluation.Probing;
using Baka.Training.Models;
using Spectre.Console;

namespace Baka.Cli.Commands.Evaluation;

/// <summary>Whether a model uses its memory.</summary>
/// <param name="report">Null if the model carries nothing.</param>
internal sealed class ProbeOutput(LoadedModel model, ProbeReport? report) : EvaluationOutput(model)
{
    private static readonly MemoryCondition[] Conditions = Enum.GetValues<MemoryCondition>();

    private readonly ProbeVerdict _verdict = ProbeVerdict.Of(report);

    protected override object ForMachines() => new
    {
        Checkpoint = Model.Folder,
        Model.State.Step,
        _verdict.Finding,
        _verdict.Sentence,
        Probe = report,
    };

    protected override void WriteTables(Terminal terminal)
    {
        if (report is not null)
        {
            terminal.Screen.Write(Tables.Facts(
            [
                Checkpoint,
                ("text", $"{Figures.Count(report.Documents)} documents, {Figures.Count(report.Windows)} windows that have a past"),
                ("loss", "nats a token with the memory as it is"),
                ("the others", "its rise with the memory zeroed, another row's, another document's, none"),
            ]));
            terminal.Screen.Write(Table(report));
        }

        terminal.WriteLine(_verdict.Sentence);
    }

    private static Table Table(ProbeReport report)
    {
        var table = Tables.Figures("", "tokens", "loss", "zeroed", "shuffled", "other document", "none");
        AddRow(table, report.All);
        table.Row(["± standard error", "", "", .. Conditions.Select(condition => Figures.Loss(report.All.Rises[condition].StandardError))]);
        foreach (var tokens in report.ByPosition.Concat(report.ByDistance))
            AddRow(table, tokens);
        return table;
    }

    private static void AddRow(Table table, ProbedTokens tokens) => table.Row(
        [tokens.Name, Figures.Count(tokens.Tokens), Figures.Loss(tokens.Loss), .. Conditions.Select(condition => Figures.Change(tokens.Rises[condition].Rise))]);
}
