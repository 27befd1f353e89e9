using System.Text;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

public sealed class BpeTrainerTests
{
    [Fact]
    public void The_most_frequent_pairs_become_tokens_in_order()
    {
        // Sennrich et al. 2016, figure 3, without its end-of-word marker.
        var text = string.Join("\n", [.. Enumerable.Repeat("low", 5), .. Enumerable.Repeat("lower", 2), .. Enumerable.Repeat("newest", 6), .. Enumerable.Repeat("widest", 3)]);
        var tokenizer = Train(text, 257 + 4);
        Assert.Equal(["es", "est", "lo", "low"], Enumerable.Range(257, 4).Select(token => tokenizer.Decode([token])));
    }

    [Fact]
    public void Tokens_begin_with_end_of_text_and_the_bytes_in_gpt2_order()
    {
        var tokenizer = Train("", 300);
        Assert.Equal(257, tokenizer.VocabularySize);
        Assert.Equal(0, tokenizer.EndOfTextId);
        Assert.Equal("!", tokenizer.Decode([1]));
        Assert.Equal([(byte)0xA1], tokenizer.DecodeBytes([95]));
        Assert.Equal([(byte)0], tokenizer.DecodeBytes([189]));
        Assert.Equal([(byte)0xAD], tokenizer.DecodeBytes([256]));
    }

    [Fact]
    public void Pairs_that_occur_once_are_not_merged()
    {
        Assert.Equal(257, Train("abcdef", 400).VocabularySize);
        Assert.Equal(258, Train("ab\nab", 400).VocabularySize);
    }

    [Fact]
    public void The_result_equals_that_of_counting_anew_after_every_merge()
    {
        for (var seed = 0; seed < 8; seed++)
        {
            var random = new Random(seed);
            var text = string.Concat(Enumerable.Range(0, 300).Select(_ => "aabbc \n"[random.Next(7)]));
            var tokenizer = Train(text, 280);
            var expected = TrainByCounting(text, tokenizer.MergeCount);
            Assert.Equal(expected, Enumerable.Range(257, tokenizer.VocabularySize - 257).Select(token => Encoding.Latin1.GetString(tokenizer.DecodeBytes([token]))));
        }
    }

    [Fact]
    public void Threads_and_the_cut_into_chunks_have_no_influence()
    {
        var novel = RealText.English();
        var text = string.Concat(Enumerable.Repeat(novel, 2_500_000 / novel.Length + 1));
        Document[] documents = [new("long", text), new("short", novel[..10_000]), new("b", Awkward.Text(new Random(3), 3000))];
        var prints = new[] { 1, 2, 5 }.Select(threads => Convert.ToHexString(BpeTrainer.Train(documents, 700, threads).Fingerprint)).ToList();
        Assert.Single(prints.Distinct());
    }

    [Fact]
    public void Cutting_a_text_keeps_its_pieces()
    {
        var novel = RealText.English();
        var text = string.Concat(Enumerable.Repeat(novel, 2_500_000 / novel.Length + 1));
        var whole = new List<int>();
        new Gpt2PreTokenizer().Split(text, whole);
        var start = 0;
        var parts = 0;
        var cut = new List<int>();
        foreach (var chunk in PieceCounter.Cut(text, Tokenizer.EndOfText))
        {
            var ends = new List<int>();
            new Gpt2PreTokenizer().Split(chunk.Span, ends);
            cut.AddRange(ends.Select(end => end + start));
            start += chunk.Length;
            parts++;
        }

        Assert.True(parts > 2);
        Assert.Equal(whole, cut);
    }

    [Fact]
    public void The_end_of_text_marker_in_a_text_teaches_nothing()
    {
        var plain = Train("hello hello", 400);
        Assert.Equal(plain.VocabularySize, Train("hello<|endoftext|> hello<|endoftext|><|endoftext|>", 400).VocabularySize);
    }

    [Fact]
    public void A_vocabulary_without_room_for_the_bytes_is_refused() =>
        Assert.Contains("256", Assert.Throws<UserException>(() => Train("text", 256)).Message);

    [Fact]
    public void Failures_while_reading_reach_the_caller()
    {
        static IEnumerable<Document> Failing()
        {
            yield return new Document("a", "text");
            throw new UserException("unreadable");
        }

        Assert.Equal("unreadable", Assert.Throws<UserException>(() => BpeTrainer.Train(Failing(), 300, 2)).Message);
    }

    [Fact]
    public void Training_can_be_canceled()
    {
        using var cancellation = new CancellationTokenSource();
        IEnumerable<Document> Endless()
        {
            for (var i = 0; ; i++)
            {
                if (i == 100)
                    cancellation.Cancel();
                yield return new Document("a", "some text");
            }
        }

        Assert.ThrowsAny<OperationCanceledException>(() => BpeTrainer.Train(Endless(), 300, 2, cancellation: cancellation.Token));
    }

    private static Tokenizer Train(string text, int size) => BpeTrainer.Train([new Document("text", text)], size, 2);

    /// <summary>The definition, word by word: slow.</summary>
    private static List<string> TrainByCounting(string text, int merges)
    {
        var ends = new List<int>();
        new Gpt2PreTokenizer().Split(text, ends);
        var order = ByteAlphabet.Order.ToList();
        var words = ends.Select((end, i) => text[(i == 0 ? 0 : ends[i - 1])..end].Select(c => 1 + order.IndexOf((byte)c)).ToList()).ToList();
        var names = new List<string> { "" };
        names.AddRange(order.Select(value => ((char)value).ToString()));
        for (var merge = 0; merge < merges; merge++)
        {
            var (left, right) = words
                .SelectMany(word => word.Zip(word.Skip(1)))
                .GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First).ThenBy(group => group.Key.Second)
                .First().Key;
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] = names.Count;
                        word.RemoveAt(i + 1);
                    }
                }
            }

            names.Add(names[left] + names[right]);
        }

        return names[257..];
    }
}
