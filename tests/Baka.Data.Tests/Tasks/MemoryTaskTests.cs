using System.Text.RegularExpressions;
using Baka.Data.Streams;
using Baka.Data.Tasks;

namespace Baka.Data.Tests.Tasks;

/// <summary>What a document says is read as text, and the answer found again from what stands before it.</summary>
public sealed class MemoryTaskTests
{
    public static TheoryData<int, int?, int?, int> Sizes => new()
    {
        { 37, null, null, 8 },
        { 40, 5, null, 3 },
        { 41, 5, 7, 30 },
        { 25, 1, 0, 1 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_copy_is_what_came_before_twice(int tokens, int? length, int? distance, int symbols)
    {
        foreach (var text in Texts(new CopyTask(new TaskSize(length, distance, symbols)), tokens))
        {
            var input = Facts(text, distance);
            Assert.Equal(length ?? (tokens - 1) / 3, text.Tokens.TakeWhile(symbol => symbol != ">").Count(symbol => symbol != "."));
            Assert.Equal(input + input, text.Answer);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_reversal_is_what_came_before_from_its_end(int tokens, int? length, int? distance, int symbols)
    {
        foreach (var text in Texts(new ReverseTask(new TaskSize(length, distance, symbols)), tokens))
        {
            var ask = Array.IndexOf(text.Tokens, ">");
            var input = text.Tokens.Take(ask).Where(symbol => symbol != ".").ToArray();
            Assert.Equal(length ?? (tokens - 1) / 2, input.Length);
            Assert.Equal(Facts(text, distance), string.Concat(input));
            Assert.Equal(input.Reverse(), text.Tokens.Skip(ask + 1));
            Assert.Equal(string.Concat(input.Reverse()), text.Answer);
        }
    }

    [Theory]
    [InlineData(10, null, null, 26)]
    [InlineData(64, null, null, 26)]
    [InlineData(30, 3, 9, 26)]
    [InlineData(30, 3, null, 5)]
    public void What_is_retrieved_is_the_digit_behind_the_key(int tokens, int? pairs, int? distance, int keys)
    {
        foreach (var text in Texts(new RetrievalTask(new TaskSize(pairs, distance, keys)), tokens))
        {
            var match = Regex.Match(text.All, @"^\.*(?:([a-z])([0-9]))+(\.*)([a-z])>([0-9])$");
            Assert.True(match.Success, text.All);
            var known = match.Groups[1].Captures.Zip(match.Groups[2].Captures).ToDictionary(pair => pair.First.Value, pair => pair.Second.Value);
            Assert.Equal(pairs ?? Math.Min(keys, (tokens - 3) / 2), known.Count);
            Assert.Equal(distance ?? match.Groups[3].Length, match.Groups[3].Length);
            Assert.Equal(known[match.Groups[4].Value], match.Groups[5].Value);
            Assert.Equal(match.Groups[5].Value, text.Answer);
        }
    }

    [Theory]
    [InlineData(65, null, null, 8)]
    [InlineData(65, 4, null, 26)]
    [InlineData(100, 5, 40, 7)]
    [InlineData(65, 16, null, 16)]
    public void Every_key_is_asked_for_once_and_its_value_is_the_answer(int tokens, int? pairs, int? distance, int keys)
    {
        foreach (var text in Texts(new MultiQueryTask(new TaskSize(pairs, distance, keys)), tokens))
        {
            var match = Regex.Match(text.All, @"^(?:([a-z])([A-Z]))+(?:(\.+)|([a-z])([A-Z]))*$");
            Assert.True(match.Success, text.All);
            var count = pairs ?? Math.Min(keys, tokens / 4);
            var all = Regex.Matches(text.All, "([a-z])([A-Z])").Select(pair => pair.Value).ToArray();
            Assert.Equal(2 * count, all.Length);
            Assert.Equal(count, all.Take(count).Select(pair => pair[0]).Distinct().Count());
            Assert.Equal(all.Take(count).Order(), all.Skip(count).Order());
            Assert.Equal(string.Concat(all.Skip(count).Select(pair => pair[1])), text.Answer);
            Assert.Equal(distance ?? -1, distance is null ? -1 : text.Tokens.Count(symbol => symbol == ".") - text.Tokens.Reverse().TakeWhile(symbol => symbol == ".").Count());
        }
    }

    [Fact]
    public void Queries_come_near_more_often_than_far()
    {
        const int Places = 128;
        var counts = new int[8];
        foreach (var text in Texts(new MultiQueryTask(new TaskSize(1, null, 4)), 2 + 2 * Places, count: 4000))
            counts[(int)Math.Log2(Array.IndexOf(text.Answers, true) / 2)]++;

        // Place n is as likely as 1 / (n + 1): each octave of places is drawn as often as any other.
        Assert.All(counts[..7], count => Assert.InRange(count, 4000 / 7 - 100, 4000 / 7 + 100));
    }

    [Theory]
    [InlineData(100, 3, null, 5)]
    [InlineData(100, 1, 60, 26)]
    [InlineData(20, null, null, 4)]
    public void A_needle_is_what_follows_the_mark(int tokens, int? length, int? distance, int symbols)
    {
        foreach (var text in Texts(new NeedleTask(new TaskSize(length, distance, symbols)), tokens))
        {
            var match = Regex.Match(text.All, $"^[a-z]*!([a-z]{{{text.Answer.Length}}})([a-z]*)>([a-z]+)$");
            Assert.True(match.Success, text.All);
            Assert.Equal(length ?? (tokens - 2) / 2, text.Answer.Length);
            Assert.Equal(match.Groups[1].Value, match.Groups[3].Value);
            Assert.Equal(match.Groups[3].Value, text.Answer);
            Assert.Equal(distance ?? match.Groups[2].Length, match.Groups[2].Length);
        }
    }

    [Fact]
    public void Without_a_distance_every_one_that_fits_is_drawn()
    {
        var distances = Texts(new NeedleTask(new TaskSize(1, null, 4)), 14, count: 300).Select(text => text.All.IndexOf('>') - text.All.IndexOf('!') - 2).Distinct().Order();
        Assert.Equal(Enumerable.Range(0, 11), distances);
    }

    [Fact]
    public void Symbols_beyond_the_alphabet_have_numbers()
    {
        Assert.Equal([".", ">", "a0 ", "a1 "], new CopyTask(new TaskSize(1, 0, 27)).Symbols.Take(4));
        Assert.Equal(["x", "y", "z"], new CopyTask(new TaskSize(1, 0, 26)).Symbols.TakeLast(3));
        Assert.Equal("A26 ", new MultiQueryTask(new TaskSize(1, 0, 27)).Symbols[^1]);
    }

    [Fact]
    public void What_does_not_fit_its_document_is_refused_with_a_sentence()
    {
        static string Refusal(MemoryTask task, int tokens) => Assert.Throws<UserException>(() => TaskText.Draw(task, tokens, 1)).Message;
        Assert.Equal(
            "a document of the task needs 31 tokens but has 30: lower its length or distance, or give it more or longer windows.",
            Refusal(new CopyTask(new TaskSize(10, null, 8)), 30));
        Assert.Contains("needs 36 tokens", Refusal(new CopyTask(new TaskSize(10, 5, 8)), 35));
        Assert.Contains("needs 40 tokens", Refusal(new MultiQueryTask(new TaskSize(10, null, 20)), 39));
        Assert.Contains("needs", Refusal(new CopyTask(new TaskSize(null, null, 8)), 3));
    }

    [Fact]
    public void More_pairs_than_keys_are_refused()
    {
        foreach (MemoryTask task in (MemoryTask[])[new RetrievalTask(new TaskSize(9, null, 8)), new MultiQueryTask(new TaskSize(9, null, 8))])
        {
            var refusal = Assert.Throws<UserException>(() => TaskText.Draw(task, 100, 1)).Message;
            Assert.Equal("9 pairs need as many different keys, but there are 8: give the task more symbols or fewer pairs.", refusal);
        }
    }

    private static IEnumerable<TaskText> Texts(MemoryTask task, int tokens, int count = 50) =>
        Enumerable.Range(0, count).Select(seed => TaskText.Draw(task, tokens, (ulong)seed));

    /// <summary>What stands between the filler before the facts and the distance behind them.</summary>
    private static string Facts(TaskText text, int? distance)
    {
        var match = Regex.Match(text.Question, @"^\.*([^.>]+)(\.*)>$");
        Assert.True(match.Success, text.Question);
        Assert.Equal(distance ?? match.Groups[2].Length, match.Groups[2].Length);
        return match.Groups[1].Value;
    }
}
