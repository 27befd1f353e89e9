using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Evaluation;
using Baka.Training.Models;

namespace Baka.Cli.Commands.Evaluation;

/// <summary>How well a model predicts texts.</summary>
internal sealed class LossOutput(LoadedModel model, EvaluationReport report, bool memory) : EvaluationOutput(model)
{
    protected override object ForMachines() => new
    {
        Checkpoint = Model.Folder,
        Model.State.Step,
        Memory = memory,
        report.Loss,
        Ppl = report.Perplexity,
        Bpb = report.BitsPerByte,
        report.LossDocMean,
        report.Tokens,
        report.Bytes,
        report.Documents,
        report.Accuracy,
        report.ExactMatch,
        report.ByPosition,
    };

    protected override void WriteTables(Terminal terminal)
    {
        terminal.Screen.Write(Tables.Facts(
        [
            Checkpoint,
            ("text", $"{Figures.Count(report.Documents)} documents, {Figures.Count(report.Bytes)} bytes, {Figures.Count(report.Tokens)} predicted tokens"),
            ("memory", memory ? "on" : "off: forgotten at the end of every window"),
            ("loss", $"{Figures.Loss(report.Loss)} nats a token"),
            ("mean over documents", $"{Figures.Loss(report.LossDocMean)} nats a token"),
            ("perplexity", Figures.Short(report.Perplexity)),
            ("bits per byte", report.Bytes > 0 ? Figures.Loss(report.BitsPerByte) : "unknown"),
            ("accuracy", $"{Figures.Percent(report.Accuracy)} of the tokens; {Figures.Percent(report.ExactMatch)} of the documents as a whole"),
        ]));
        var table = Tables.Figures("position in the document", "loss", "tokens");
        foreach (var position in report.ByPosition)
            table.Row(Figures.Range(position.From, position.To), Figures.Loss(position.Loss), Figures.Count(position.Tokens));
        terminal.Screen.Write(table);
    }
}
