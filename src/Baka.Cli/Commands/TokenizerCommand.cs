using System.CommandLine;
using Baka.Cli.Commands.Tokenizers;
using Baka.Cli.Shell;

namespace Baka.Cli.Commands;

/// <summary><c>baka tokenizer</c>: everything about tokens.</summary>
internal sealed class TokenizerCommand : Command
{
    public TokenizerCommand(Terminal terminal)
        : base("tokenizer", "Train and use byte-level BPE tokenizers (tokenizer.json)")
    {
        Add(new TrainTokenizerCommand(terminal));
        Add(new EncodeCommand(terminal));
        Add(new DecodeCommand(terminal));
        Add(new TokenizerInfoCommand(terminal));
    }
}
