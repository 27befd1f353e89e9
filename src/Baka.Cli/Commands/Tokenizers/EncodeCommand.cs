using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Shell;

namespace Baka.Cli.Commands.Tokenizers;

/// <summary><c>baka tokenizer encode</c>.</summary>
internal sealed class EncodeCommand : BakaCommand
{
    private readonly Argument<string> _tokenizer = Common.Tokenizer();
    private readonly Argument<string?> _words = new("TEXT") { Description = "What to encode [default: standard input]", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _text = Values.Text("--text", "FILE", "Encode a file");

    public EncodeCommand(Terminal terminal)
        : base(terminal, "encode", "Print the tokens of a text as a JSON array")
    {
        Examples =
        [
            ("baka tokenizer encode tokenizer.json \"Once upon a time\"", ""),
            ("baka tokenizer encode runs/NAME --text book.txt > book.json", "to be used with 'baka score --tokens'"),
        ];
        Add(_tokenizer, _words, _text);
    }

    protected override int Run(ParseResult arguments)
    {
        var (words, file) = (arguments.GetValue(_words), arguments.GetValue(_text));
        if (words is not null && file is not null)
            throw new UsageException("Give a text or --text, not both.", "baka tokenizer encode");
        var tokenizer = TokenizerArgument.Open(arguments.GetRequiredValue(_tokenizer));
        var tokens = words is not null ? tokenizer.Encode(words) : tokenizer.EncodeBytes(file is not null ? TextInput.ReadFile(file) : TextInput.ReadAll(Terminal.Input));
        TokenFile.Write(tokens, Terminal.Output);
        return 0;
    }
}
