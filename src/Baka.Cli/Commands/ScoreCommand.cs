using System.CommandLine;
using System.Globalization;
using Baka.Cli.Options;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Evaluation;
using Baka.Training.Models;

namespace Baka.Cli.Commands;

/// <summary><c>baka score</c>: how well a model predicts each token of a text.</summary>
internal sealed class ScoreCommand : BakaCommand
{
    private readonly Argument<string> _checkpoint = Common.Checkpoint();
    private readonly Option<string?> _text = Values.Text("--text", "FILE", "A text, read as one document");
    private readonly Option<string?> _tokens = Values.Text("--tokens", "FILE", "Its tokens as a JSON array, as 'baka tokenizer encode' prints them");
    private readonly Option<string> _memory = Common.Memory();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();

    public ScoreCommand(Terminal terminal)
        : base(terminal, "score", "Print a JSON line for every predicted token: its place, its number, its negative log-likelihood in nats")
    {
        Examples =
        [
            ("baka score runs/NAME/best --text book.txt", "{\"i\":1,\"token\":262,\"nll\":3.127}, and so on"),
            ("baka score runs/NAME/best --tokens book.json --memory off", ""),
        ];
        Add(_checkpoint, _text, _tokens, _memory, _device, _precision, _threads);
    }

    protected override int Run(ParseResult arguments)
    {
        var (text, tokens) = (arguments.GetValue(_text), arguments.GetValue(_tokens));
        if (text is null == tokens is null)
            throw new UsageException("Give either --text or --tokens.", "baka score");
        var memory = Common.IsOn(arguments, _memory);
        var bytes = TextInput.ReadFile(text ?? tokens!);
        var given = tokens is null ? null : TokenFile.Parse(bytes, $"'{tokens}'");
        using var model = LoadedModel.Open(arguments.GetRequiredValue(_checkpoint), Common.DeviceOf(arguments, _device, _precision, _threads));
        Scorer.Run(model, given ?? model.Tokenizer.EncodeBytes(bytes), memory, Write, Terminal.Interrupted);
        return 0;
    }

    private void Write(int position, int token, double nll) =>
        Terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $$"""{"i":{{position}},"token":{{token}},"nll":{{(double.IsFinite(nll) ? nll : "null")}}}"""));
}
