using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Shell;

namespace Baka.Cli.Commands.Tokenizers;

/// <summary><c>baka tokenizer decode</c>.</summary>
internal sealed class DecodeCommand : BakaCommand
{
    private readonly Argument<string> _tokenizer = Common.Tokenizer();
    private readonly Option<string?> _tokens = Values.Text("--tokens", "FILE", "A JSON array of token numbers [default: standard input]");

    public DecodeCommand(Terminal terminal)
        : base(terminal, "decode", "Print the text that tokens stand for, byte for byte")
    {
        Examples =
        [
            ("echo '[5, 12, 7]' | baka tokenizer decode tokenizer.json", ""),
            ("baka tokenizer decode runs/NAME --tokens book.json > book.txt", "what 'encode' took apart comes back unchanged"),
        ];
        Add(_tokenizer, _tokens);
    }

    protected override int Run(ParseResult arguments)
    {
        var tokenizer = TokenizerArgument.Open(arguments.GetRequiredValue(_tokenizer));
        var tokens = arguments.GetValue(_tokens) is { } file
            ? TokenFile.Parse(TextInput.ReadFile(file), $"'{file}'")
            : TokenFile.Parse(TextInput.ReadAll(Terminal.Input), "Standard input");
        Terminal.RawOutput.Write(tokenizer.DecodeBytes(tokens));
        return 0;
    }
}
