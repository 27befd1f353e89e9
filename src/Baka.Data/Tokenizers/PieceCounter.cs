using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Baka.Data.Documents;

namespace Baka.Data.Tokenizers;

/// <summary>Counts how often each piece occurs in a corpus, on several threads.</summary>
internal sealed class PieceCounter
{
    private const int ChunkLength = 1 << 20;

    private readonly PieceTable _pieces = new();
    private readonly List<long> _counts = [];

    /// <summary>Number of different pieces.</summary>
    public int Count => _pieces.Count;

    public ReadOnlySpan<char> this[int number] => _pieces[number];

    /// <summary>How often a piece occurs.</summary>
    public long CountOf(int number) => _counts[number];

    /// <summary>Counts the pieces of all documents. The counts do not depend on the number of threads; the numbering does.</summary>
    public static PieceCounter CountAll(
        IEnumerable<Document> documents, PreTokenizer preTokenizer, string marker, int threads, CancellationToken cancellation)
    {
        // Bounded, so that reading never runs far ahead of counting.
        using var chunks = new BlockingCollection<ReadOnlyMemory<char>>(threads * 4);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(
            () => CountChunks(chunks.GetConsumingEnumerable(stop.Token), preTokenizer), TaskCreationOptions.LongRunning)).ToArray();
        try
        {
            foreach (var document in documents)
            {
                foreach (var chunk in Cut(document.Text, marker))
                    chunks.Add(chunk, stop.Token);
            }

            chunks.CompleteAdding();
            return workers.Select(worker => worker.GetAwaiter().GetResult()).Aggregate((first, second) => first.Merge(second));
        }
        finally
        {
            // After a failure the workers must not wait for chunks that never come.
            stop.Cancel();
            Task.WhenAll(workers).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }
    }

    /// <summary>
    /// Parts of a text that have, together, the pieces of the whole: it is cut at markers, which are no part of any, and
    /// where a single space follows a visible character and precedes a letter, since there a piece always begins.
    /// </summary>
    internal static IEnumerable<ReadOnlyMemory<char>> Cut(string text, string marker)
    {
        for (var start = 0; start < text.Length;)
        {
            var found = text.IndexOf(marker, start, StringComparison.Ordinal);
            var end = found < 0 ? text.Length : found;
            while (end - start > ChunkLength && FindSeam(text.AsSpan(start, end - start)) is var seam and > 0)
            {
                yield return text.AsMemory(start, seam);
                start += seam;
            }

            yield return text.AsMemory(start, end - start);
            start = end + marker.Length;
        }
    }

    private static int FindSeam(ReadOnlySpan<char> text)
    {
        for (var i = ChunkLength; i < text.Length - 1; i++)
        {
            if (text[i] == ' ' && !char.IsWhiteSpace(text[i - 1]) && char.IsLetter(text[i + 1]))
                return i;
        }

        return 0;
    }

    private static PieceCounter CountChunks(IEnumerable<ReadOnlyMemory<char>> chunks, PreTokenizer preTokenizer)
    {
        var counter = new PieceCounter();
        var ends = new List<int>();
        foreach (var chunk in chunks)
        {
            var text = chunk.Span;
            ends.Clear();
            preTokenizer.Split(text, ends);
            var start = 0;
            foreach (var end in ends)
            {
                counter.Add(text[start..end], 1);
                start = end;
            }
        }

        return counter;
    }

    private void Add(ReadOnlySpan<char> piece, long count)
    {
        var number = _pieces.FindOrAdd(piece);
        if (number == _counts.Count)
            _counts.Add(0);
        CollectionsMarshal.AsSpan(_counts)[number] += count;
    }

    private PieceCounter Merge(PieceCounter other)
    {
        for (var i = 0; i < other.Count; i++)
            Add(other[i], other._counts[i]);
        return this;
    }
}
