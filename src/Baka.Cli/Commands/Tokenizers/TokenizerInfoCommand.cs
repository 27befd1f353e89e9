using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;

namespace Baka.Cli.Commands.Tokenizers;

/// <summary><c>baka tokenizer info</c>.</summary>
internal sealed class TokenizerInfoCommand : BakaCommand
{
    private readonly Argument<string> _tokenizer = Common.Tokenizer();
    private readonly Option<bool> _json = Common.Json();

    public TokenizerInfoCommand(Terminal terminal)
        : base(terminal, "info", "Say what a tokenizer is made of")
    {
        Examples = [("baka tokenizer info runs/NAME", "the tokenizer of a run")];
        Add(_tokenizer, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var tokenizer = TokenizerArgument.Open(arguments.GetRequiredValue(_tokenizer));
        var info = new
        {
            Vocabulary = tokenizer.VocabularySize,
            Merges = tokenizer.MergeCount,
            EndOfText = tokenizer.EndOfTextId,
            AddedTokens = tokenizer.AddedTokens.Select(token => new { token.Id, token.Content }).ToList(),
            Sha256 = Convert.ToHexStringLower(tokenizer.Fingerprint),
        };
        if (arguments.GetValue(_json))
        {
            Terminal.WriteLine(Json.Line(info));
            return 0;
        }

        Terminal.Screen.Write(Tables.Facts(
        [
            ("vocabulary", $"{info.Vocabulary} tokens"),
            ("merges", $"{info.Merges}"),
            ("end of text", info.EndOfText is { } id ? $"token {id}" : "none"),
            ("added tokens", info.AddedTokens is [] ? "none" : string.Join(", ", info.AddedTokens.Select(token => $"{token.Content} ({token.Id})"))),
            ("SHA-256", info.Sha256),
        ]));
        return 0;
    }
}
