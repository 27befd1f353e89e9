using System.Diagnostics;
using Baka.Data;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Benchmarks;

/// <summary>How fast a vocabulary is learned from a text on all cores, and how fast one core encodes that text.</summary>
internal static class TokenizerBenchmark
{
    private const int Vocabulary = 8192;

    public static int Run(string path)
    {
        try
        {
            var source = DocumentSource.Open([path]);
            var start = Stopwatch.GetTimestamp();
            var tokenizer = BpeTrainer.Train(source, Vocabulary, Environment.ProcessorCount);
            Console.WriteLine($"learned {tokenizer.VocabularySize} tokens from {path} in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s on {Environment.ProcessorCount} cores, reading included");

            var documents = source.ToArray();
            var bytes = documents.Sum(d => (long)System.Text.Encoding.UTF8.GetByteCount(d.Text));
            var tokens = new List<int>();
            for (var round = 0; round < 3; round++)
            {
                start = Stopwatch.GetTimestamp();
                var count = 0L;
                foreach (var document in documents)
                {
                    tokens.Clear();
                    tokenizer.Encode(document.Text, tokens);
                    count += tokens.Count;
                }

                var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                Console.WriteLine($"encoded {bytes / 1e6:F1} MB to {count} tokens in {seconds:F2} s on one core: {bytes / 1e6 / seconds:F1} MB/s");
            }

            return 0;
        }
        catch (UserException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}
