using System.Text;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Data.Shards;

/// <summary>Encodes documents on several threads and gives them back in their order.</summary>
public static class ParallelEncoder
{
    /// <summary>The tokens of each document and the UTF-8 bytes of its text.</summary>
    /// <param name="documents">Read lazily, a few documents ahead.</param>
    /// <param name="tokenizer">Encodes.</param>
    /// <param name="threads">How many documents are encoded at a time.</param>
    /// <param name="cancellation">Ends the work with <see cref="OperationCanceledException"/>.</param>
    public static IEnumerable<(string Id, List<int> Tokens, long TextBytes)> Encode(
        IEnumerable<Document> documents, Tokenizer tokenizer, int threads, CancellationToken cancellation = default)
    {
        var running = new Queue<Task<(string, List<int>, long)>>();
        foreach (var document in documents)
        {
            cancellation.ThrowIfCancellationRequested();
            running.Enqueue(Task.Run(() => EncodeOne(document, tokenizer), cancellation));
            if (running.Count > threads)
                yield return running.Dequeue().GetAwaiter().GetResult();
        }

        while (running.TryDequeue(out var task))
            yield return task.GetAwaiter().GetResult();
    }

    private static (string Id, List<int> Tokens, long TextBytes) EncodeOne(Document document, Tokenizer tokenizer)
    {
        var tokens = new List<int>(document.Text.Length / 3);
        tokenizer.Encode(document.Text, tokens);
        return (document.Id, tokens, Encoding.UTF8.GetByteCount(document.Text));
    }
}
