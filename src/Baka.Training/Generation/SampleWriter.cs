using System.Text;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Corpora;
using Baka.Training.Runs;

namespace Baka.Training.Generation;

/// <summary>Lets a freshly trained model go on with the opening of the first validation document.</summary>
internal static class SampleWriter
{
    private const int PromptTokens = 12;
    private const int SampleTokens = 120;

    public static TextSample Write(IDevice device, LanguageModel model, EncodedTexts texts, CancellationToken stop)
    {
        var corpus = texts.Validation;
        var document = Enumerable.Range(0, corpus.DocumentCount).First(d => corpus.DocumentLength(d) > 0);
        var prompt = new int[Math.Min(PromptTokens, corpus.DocumentLength(document))];
        corpus.CopyTokens(document, 0, prompt);
        using var generator = new TextGenerator(device, model, texts.Tokenizer, identity: "");
        generator.Read(prompt);
        var text = new StringBuilder();
        foreach (var piece in generator.Generate(new GenerationSettings { MaxTokens = SampleTokens }, stop))
        {
            text.Append(piece);
        }

        return new TextSample(texts.Tokenizer.Decode(prompt), text.ToString());
    }
}
