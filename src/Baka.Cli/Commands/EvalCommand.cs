using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Corpora;
using Baka.Training.Evaluation;
using Baka.Training.Models;
using Spectre.Console;

namespace Baka.Cli.Commands;

/// <summary><c>baka eval</c>: how well a model predicts texts.</summary>
internal sealed class EvalCommand : BakaCommand
{
    private readonly Argument<string> _checkpoint = Common.Checkpoint();
    private readonly Option<string[]> _data = Values.Texts("--data", "PATH", "File or folder of text to predict, all of it; may be given again [default: what the run was validated on, texts or the task]");
    private readonly Option<string> _memory = Common.Memory();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public EvalCommand(Terminal terminal)
        : base(terminal, "eval", "Measure a model: loss, perplexity, bits per byte, accuracy, and the loss by position in the document")
    {
        Examples =
        [
            ("baka eval runs/NAME/best", "on the texts it was validated on"),
            ("baka eval runs/NAME/best --memory off", "the difference says what remembering is worth"),
            ("baka eval runs/NAME/best --data book.txt --json", ""),
        ];
        Add(_checkpoint, _data, _memory, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var device = Common.DeviceOf(arguments, _device, _precision, _threads);
        var memory = Common.IsOn(arguments, _memory);
        var stop = Terminal.Interrupted;
        using var model = LoadedModel.Open(arguments.GetRequiredValue(_checkpoint), device);
        EvaluationReport report;
        using (var progress = new StageProgress(Terminal))
        {
            using var corpus = ModelTexts.Open(model, arguments.GetRequiredValue(_data), device.Threads, progress, stop);
            report = Evaluator.Run(model, corpus, memory, limit: null, progress.For("evaluating"), stop);
        }

        if (arguments.GetValue(_json))
            WriteJson(model, report, memory);
        else
            WriteTables(model, report, memory);
        return 0;
    }

    private void WriteJson(LoadedModel model, EvaluationReport report, bool memory) => Terminal.WriteLine(Json.Line(new
    {
        Checkpoint = model.Folder,
        model.State.Step,
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
    }));

    private void WriteTables(LoadedModel model, EvaluationReport report, bool memory)
    {
        Terminal.Screen.Write(Tables.Facts(
        [
            ("checkpoint", $"{ProgramName.Argument(model.Folder)} (step {model.State.Step})"),
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
            table.Row(Range(position.From, position.To), Figures.Loss(position.Loss), Figures.Count(position.Tokens));
        Terminal.Screen.Write(table);
    }

    private static string Range(long from, long to) => from == to ? Figures.Count(from) : $"{Figures.Count(from)} – {Figures.Count(to)}";
}
