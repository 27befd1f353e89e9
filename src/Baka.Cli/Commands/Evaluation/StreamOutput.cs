using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Evaluation;
using Baka.Training.Evaluation.Streaming;
using Baka.Training.Models;

namespace Baka.Cli.Commands.Evaluation;

/// <summary>How a model reads one long text.</summary>
internal sealed class StreamOutput(LoadedModel model, StreamReport report) : EvaluationOutput(model)
{
    private const int ChartHeight = 6;
    private const int ChartWidth = 100;

    protected override object ForMachines() => new
    {
        Checkpoint = Model.Folder,
        Model.State.Step,
        report.Documents,
        report.Interrupted,
        report.Evaluation.Loss,
        Ppl = report.Evaluation.Perplexity,
        Bpb = report.Evaluation.BitsPerByte,
        report.Evaluation.Tokens,
        report.Evaluation.Bytes,
        report.Seconds,
        report.TokensPerSecond,
        report.WarmUp,
        ProcessBytes = report.Process,
        GpuBytes = report.Gpu,
        report.Evaluation.ByPosition,
        report.Samples,
    };

    protected override void WriteTables(Terminal terminal)
    {
        var evaluation = report.Evaluation;
        (string, string)[] facts =
        [
            Checkpoint,
            ("text", $"{Figures.Count(report.Documents)} documents read as one, {Figures.Count(evaluation.Tokens)} predicted tokens{(report.Interrupted ? "; stopped before its end" : "")}"),
            ("loss", $"{Figures.Loss(evaluation.Loss)} nats a token"),
            ("perplexity", Figures.Short(evaluation.Perplexity)),
            ("bits per byte", evaluation.Bytes > 0 ? Figures.Loss(evaluation.BitsPerByte) : "unknown"),
            ("speed", $"{Figures.Count((long)report.TokensPerSecond)} tokens/s, {Figures.Duration(TimeSpan.FromSeconds(report.Seconds))}"),
            ("process", Flatness(report.Process)),
        ];
        terminal.Screen.Write(Tables.Facts(HasGpu ? [.. facts, ("GPU", Flatness(report.Gpu))] : facts));

        string[] headings = ["position in the text", "perplexity", "loss", "tokens", "tokens/s", "process"];
        var table = Tables.Figures(HasGpu ? [.. headings, "GPU"] : headings);
        foreach (var position in evaluation.ByPosition)
            table.Row(Row(position));
        terminal.Screen.Write(table);

        Draw(terminal, "loss (nats)", sample => sample.Loss);
        Draw(terminal, "memory of the process (MB)", sample => sample.ProcessBytes / 1e6);
        if (HasGpu)
            Draw(terminal, "memory of the GPU in use (MB)", sample => sample.GpuBytes!.Value / 1e6);
    }

    private bool HasGpu => report.Samples[0].GpuBytes is not null;

    private string Flatness(MemoryRange? range) => range is { } memory
        ? Figures.Invariant($"{memory.Least / 1e6:F1} – {memory.Most / 1e6:F1} MB once {Figures.Count(report.WarmUp)} tokens were read: {(memory.Most - memory.Least) / 1e6:F1} MB apart")
        : "stopped before it could settle";

    private string[] Row(PositionLoss position)
    {
        var samples = report.Samples.Where(sample => sample.Position >= position.From && sample.Position <= position.To).ToList();
        string[] row =
        [
            Figures.Range(position.From, position.To),
            Figures.Short(Math.Exp(position.Loss)),
            Figures.Loss(position.Loss),
            Figures.Count(position.Tokens),
            samples.Count == 0 ? "" : Figures.Count((long)(samples.Sum(sample => sample.Tokens) / samples.Sum(sample => sample.Seconds))),
            samples.Count == 0 ? "" : ByteSize.Format(samples.Max(sample => sample.ProcessBytes)),
        ];
        return HasGpu ? [.. row, samples.Count == 0 ? "" : ByteSize.Format(samples.Max(sample => sample.GpuBytes!.Value))] : row;
    }

    private void Draw(Terminal terminal, string what, Func<StreamSample, double> value)
    {
        var chart = new LineChart("token");
        foreach (var sample in report.Samples)
            chart.Add(sample.Position, value(sample));
        var lines = chart.Draw(Math.Min(ChartWidth, terminal.Screen.Profile.Width), ChartHeight);
        if (lines.Count == 0)
            return;
        terminal.WriteLine($"\n{what}");
        foreach (var line in lines)
            terminal.WriteLine(line);
    }
}
