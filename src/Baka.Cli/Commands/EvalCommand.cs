using System.CommandLine;
using Baka.Cli.Commands.Evaluation;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Data.Documents;
using Baka.Model.Recipes;
using Baka.Training.Corpora;
using Baka.Training.Evaluation;
using Baka.Training.Evaluation.Probing;
using Baka.Training.Evaluation.Streaming;
using Baka.Training.Models;

namespace Baka.Cli.Commands;

/// <summary><c>baka eval</c>: how well a model predicts texts.</summary>
internal sealed class EvalCommand : BakaCommand
{
    private readonly Argument<string> _checkpoint = Common.Checkpoint();
    private readonly Option<string[]> _data = Values.Texts("--data", "PATH", "File or folder of text to predict, all of it; may be given again [default: what the run was validated on, texts or the task]");
    private readonly Option<string> _memory = Common.Memory();
    private readonly Option<bool> _probe = Values.Switch("--probe", "Tell whether it uses its memory: the loss also with the memory zeroed, shuffled, another document's, and none");
    private readonly Option<string?> _stream = Values.Text("--stream", "PATH", "Read this file or folder as one endless document, and watch loss and memory on the way; Ctrl-C ends it early");
    private readonly Option<int?> _tokens = Values.Whole("--tokens", "Most tokens to predict [default: all]", atLeast: 1);
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public EvalCommand(Terminal terminal)
        : base(terminal, "eval", "Measure a model: loss, perplexity, bits per byte, accuracy, the loss by position in the document, and what its memory is worth")
    {
        Examples =
        [
            ("baka eval runs/NAME/best", "on the texts it was validated on"),
            ("baka eval runs/NAME/best --memory off", "the difference says what remembering is worth"),
            ("baka eval runs/NAME/best --data book.txt --json", ""),
            ("baka eval runs/NAME/best --probe", "does it use its memory?"),
            ("baka eval runs/NAME/best --stream books --tokens 4000000", "constant memory, however long the text"),
        ];
        Add(_checkpoint, _data, _memory, _probe, _stream, _tokens, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        RefuseContradictions(arguments);
        var device = Common.DeviceOf(arguments, _device, _precision, _threads);
        var stop = Terminal.Interrupted;
        using var model = LoadedModel.Open(arguments.GetRequiredValue(_checkpoint), device);
        EvaluationOutput output;
        using (var progress = new StageProgress(Terminal))
        {
            output = Measure(arguments, model, device.Threads, progress, stop);
        }

        output.Write(Terminal, arguments.GetValue(_json));
        return 0;
    }

    private void RefuseContradictions(ParseResult arguments)
    {
        var (probes, streams) = (arguments.GetValue(_probe), arguments.GetValue(_stream) is not null);
        if (probes && streams)
            throw new UsageException("Give --probe or --stream, not both.", "baka eval");
        if (streams && arguments.GetRequiredValue(_data).Length > 0)
            throw new UsageException("Give --data or --stream, not both.", "baka eval");
        if ((probes || streams) && !Common.IsOn(arguments, _memory))
            throw new UsageException("--memory off can't be given with --probe or --stream, which are about memory.", "baka eval");
    }

    private EvaluationOutput Measure(ParseResult arguments, LoadedModel model, int threads, StageProgress progress, CancellationToken stop)
    {
        long? limit = arguments.GetValue(_tokens);
        if (arguments.GetValue(_stream) is { } path)
        {
            using var text = ModelTexts.Encode(model, DocumentSource.Open([path]), threads, progress, stop);
            return new StreamOutput(model, StreamEvaluation.Run(model, text, limit, progress.For("reading"), stop));
        }

        using var corpus = ModelTexts.Open(model, arguments.GetRequiredValue(_data), threads, progress, stop);
        if (arguments.GetValue(_probe))
            return new ProbeOutput(model, MemoryProbe.Run(model, corpus, limit, progress.For("probing"), stop));
        var memory = Common.IsOn(arguments, _memory);
        return new LossOutput(model, Evaluator.Run(model, corpus, memory, limit, progress.For("evaluating"), stop), memory);
    }
}
