using System.Text;
using Baka.Data.Streams;
using Baka.Data.Tasks;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Corpora;
using Baka.Training.Runs;

namespace Baka.Training.Generation;

/// <summary>
/// Lets a freshly trained model go on with the opening of the first validation document, or, of a task, give its first
/// answer.
/// </summary>
internal static class SampleWriter
{
    private const int PromptTokens = 12;
    private const int SampleTokens = 120;

    public static TextSample Write(IDevice device, LanguageModel model, RunCorpora corpora, CancellationToken stop)
    {
        var (document, read, settings) = Choose(corpora.Validation);
        var prompt = new int[read];
        corpora.Validation.CopyTokens(document, 0, prompt);
        using var generator = new TextGenerator(device, model, corpora.Tokenizer, identity: "");
        generator.Read(prompt);
        var text = new StringBuilder();
        foreach (var piece in generator.Generate(settings, stop))
        {
            text.Append(piece);
        }

        return new TextSample(corpora.Tokenizer.Decode(prompt), text.ToString());
    }

    private static (int Document, int Tokens, GenerationSettings Settings) Choose(ICorpus corpus)
    {
        if (corpus is TaskCorpus task)
        {
            var (start, answer) = task.FirstAnswer(0);
            return (0, start, new GenerationSettings { MaxTokens = answer, Temperature = 0 });
        }

        var document = Enumerable.Range(0, corpus.DocumentCount ?? 1).First(d => corpus.DocumentLength(d) > 0);
        return (document, (int)Math.Min(PromptTokens, corpus.DocumentLength(document)), new GenerationSettings { MaxTokens = SampleTokens });
    }
}
