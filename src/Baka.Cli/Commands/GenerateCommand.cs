using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Generation;
using Baka.Training.Models;

namespace Baka.Cli.Commands;

/// <summary><c>baka generate</c>: lets a model go on with a text.</summary>
internal sealed class GenerateCommand : BakaCommand
{
    private static readonly GenerationSettings Usual = new();

    private readonly Argument<string> _checkpoint = Common.Checkpoint();
    private readonly Option<string?> _prompt = Values.Text("--prompt", "TEXT", "What to go on from");
    private readonly Option<string?> _promptFile = Values.Text("--prompt-file", "FILE", "The same from a file, of any length");
    private readonly Option<int?> _tokens = Values.Whole("--tokens", $"Most tokens to write [default: {Usual.MaxTokens}]", atLeast: 0);
    private readonly Option<double?> _temperature = Values.Number("--temperature", "X", Figures.Invariant($"0 always takes the likeliest token, 1 draws as the model thinks [default: {Usual.Temperature}]"), from: 0);
    private readonly Option<int?> _topK = Values.Whole("--top-k", "Draw from the N likeliest tokens only; 0 for all [default: 0]", atLeast: 0);
    private readonly Option<double?> _topP = Values.Number("--top-p", "P", Figures.Invariant($"Draw from the fewest tokens that hold this probability together [default: {Usual.TopP}]"), from: 0, exclusive: true, to: 1);
    private readonly Option<int?> _seed = Values.Whole("--seed", $"Of the draws: the same gives the same text [default: {Usual.Seed}]", atLeast: 0);
    private readonly Option<string?> _saveState = Values.Text("--save-state", "FILE", "Keep what the model remembers at the end");
    private readonly Option<string?> _loadState = Values.Text("--load-state", "FILE", "Begin with what was kept");
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();

    public GenerateCommand(Terminal terminal)
        : base(terminal, "generate", "Go on with a text, however long, in constant memory and time a token. Ctrl-C ends the text")
    {
        Examples =
        [
            ("baka generate runs/NAME/best --prompt \"Once upon a time\"", ""),
            ("baka generate runs/NAME/best --prompt-file book.txt --tokens 0 --save-state book.state", "read a book once"),
            ("baka generate runs/NAME/best --load-state book.state --seed 7", "go on from its end, as often as you like"),
        ];
        Add(_checkpoint, _prompt, _promptFile, _tokens, _temperature, _topK, _topP, _seed, _saveState, _loadState, _device, _precision, _threads);
    }

    protected override int Run(ParseResult arguments)
    {
        var prompt = Prompt(arguments);
        var state = arguments.GetValue(_loadState);
        if (prompt is null or "" && state is null)
            throw new UsageException("Give --prompt, --prompt-file or --load-state: a model needs something to go on from.", "baka generate");

        var stop = Terminal.Interrupted;
        using var model = LoadedModel.Open(arguments.GetRequiredValue(_checkpoint), Common.DeviceOf(arguments, _device, _precision, _threads));
        using var generator = new TextGenerator(model);
        if (state is not null)
            generator.LoadState(state);
        if (prompt is { Length: > 0 })
            generator.Read(prompt);
        Write(generator, prompt, Settings(arguments), stop);
        if (arguments.GetValue(_saveState) is { } file)
            generator.SaveState(file);
        return 0;
    }

    private string? Prompt(ParseResult arguments) => (arguments.GetValue(_prompt), arguments.GetValue(_promptFile)) switch
    {
        (not null, not null) => throw new UsageException("Give --prompt or --prompt-file, not both.", "baka generate"),
        (null, { } file) => TextInput.ReadText(file),
        var (text, _) => text,
    };

    private GenerationSettings Settings(ParseResult arguments) => new()
    {
        MaxTokens = arguments.GetValue(_tokens) ?? Usual.MaxTokens,
        Temperature = arguments.GetValue(_temperature) ?? Usual.Temperature,
        TopK = arguments.GetValue(_topK) ?? Usual.TopK,
        TopP = arguments.GetValue(_topP) ?? Usual.TopP,
        Seed = (ulong?)arguments.GetValue(_seed) ?? Usual.Seed,
    };

    private void Write(TextGenerator generator, string? prompt, GenerationSettings settings, CancellationToken stop)
    {
        if (settings.MaxTokens == 0)
            return;
        // A short prompt and what follows read as one text; a book need not be shown again.
        if (prompt is { Length: <= 1000 })
            Terminal.Output.Write(prompt);
        foreach (var piece in generator.Generate(settings, stop))
        {
            Terminal.Output.Write(Terminal.IsInteractive ? Printable.Of(piece) : piece);
            Terminal.Output.Flush();
        }

        Terminal.WriteLine("");
    }
}
