using System.CommandLine;
using System.Diagnostics;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Data.Corpora;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Cli.Commands.Tokenizers;

/// <summary><c>baka tokenizer train</c>.</summary>
internal sealed class TrainTokenizerCommand : BakaCommand
{
    private const int DefaultVocabulary = 8192;

    private readonly Option<string[]> _data = Values.Texts("--data", "PATH", "File or folder of text (.txt, .md, .jsonl, each also .gz); may be given again [default: the documentation of the .NET SDK]");
    private readonly Option<int?> _vocabulary = Values.Whole("--vocabulary", $"Tokens to end up with [default: {DefaultVocabulary}]", atLeast: BpeTrainer.SmallestVocabulary);
    private readonly Option<string?> _out = Values.Text("--out", "FILE", "Where to write it [default: tokenizer.json]");
    private readonly Option<int?> _threads = Common.Threads();

    public TrainTokenizerCommand(Terminal terminal)
        : base(terminal, "train", "Learn a vocabulary from text")
    {
        Examples = [("baka tokenizer train --data books --vocabulary 8192 --out books.json", "the same text gives the same tokenizer, whatever the threads")];
        Add(_data, _vocabulary, _out, _threads);
    }

    protected override int Run(ParseResult arguments)
    {
        var data = arguments.GetRequiredValue(_data);
        var path = arguments.GetValue(_out) ?? "tokenizer.json";
        var source = data.Length > 0 ? DocumentSource.Open(data) : SdkDocumentation.Find();
        var start = Stopwatch.GetTimestamp();
        Tokenizer tokenizer;
        using (var progress = new StageProgress(Terminal))
        {
            tokenizer = BpeTrainer.Train(
                source, arguments.GetValue(_vocabulary) ?? DefaultVocabulary, Common.ThreadsOf(arguments, _threads), progress, Terminal.Interrupted);
        }

        tokenizer.Save(path);
        Terminal.WriteLine($"{tokenizer.VocabularySize} tokens learned from {source.Description} in {Figures.Duration(Stopwatch.GetElapsedTime(start))}: {path}");
        return 0;
    }
}
