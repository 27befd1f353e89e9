using Baka.Data.Documents;
using Baka.Data.Shards;
using Baka.Data.Tests.Tokenizers;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Shards;

public sealed class TokenCorpusTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(65_536)]
    [InlineData(65_537)]
    public void A_written_shard_gives_its_documents_back(int vocabularySize)
    {
        int[][] documents = [[1, 2, 65_535], [], [7], [.. Enumerable.Range(0, 1000).Select(i => i * 65)]];
        var path = _folder["shard.bin"];
        using (var writer = new ShardWriter(path, vocabularySize))
        {
            for (var i = 0; i < documents.Length; i++)
                writer.Add($"é{i}", documents[i], i * 10);
            writer.Finish();
        }

        using var corpus = TokenCorpus.Open(path);
        Assert.Equal(documents.Length, corpus.DocumentCount);
        Assert.Equal(1004, corpus.TokenCount);
        Assert.Equal(60, corpus.TextBytes);
        for (var i = 0; i < documents.Length; i++)
        {
            Assert.Equal(documents[i], Tokens(corpus, i));
            Assert.Equal($"é{i}", corpus.DocumentId(i));
            Assert.Equal(i * 10, corpus.DocumentTextBytes(i));
        }

        var part = new int[3];
        corpus.CopyTokens(3, 997, part);
        Assert.Equal(documents[3][997..], part);
        Assert.Equal(ShardFormat.HeaderBytes + 1004L * (vocabularySize > 65_536 ? 4 : 2), new FileInfo(path).Length);
    }

    [Fact]
    public void Documents_can_be_read_as_one()
    {
        using var corpus = TokenCorpus.FromTokens([[1, 2], [3], [4, 5, 6]], [10, 20, 30]);
        var joined = corpus.Joined();
        Assert.Equal((1, 6L, 60L), (joined.DocumentCount, joined.TokenCount, joined.TextBytes));
        Assert.Equal([1, 2, 3, 4, 5, 6], Tokens(joined, 0));
    }

    [Fact]
    public void Long_documents_can_be_cut_into_parts_of_about_equal_length()
    {
        using var corpus = TokenCorpus.FromTokens([[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [], [11, 12, 13, 14]], [10, 20, 0, 30]);
        var cut = corpus.Cut(3);
        Assert.Equal([[1, 2, 3], [4, 5, 6], [7, 8], [9, 10], [], [11, 12], [13, 14]], Enumerable.Range(0, cut.DocumentCount).Select(i => Tokens(cut, i)));
        Assert.Equal((14L, 60L), (cut.TokenCount, cut.TextBytes));
        Assert.Equal("document 1, part 3 of 3", cut.DocumentId(3));
        Assert.Equal([10, 0, 0], new[] { 0, 1, 6 }.Select(cut.DocumentTextBytes));
    }

    [Fact]
    public void Documents_stay_where_they_are_when_tokens_between_them_belong_to_none()
    {
        var path = WritePlain([50256, 1, 2, 3, 50256, 50256, 4, 50256, 5, 6]);
        using var corpus = TokenCorpus.Open(path, endOfText: 50256);
        var cut = corpus.Cut(2);
        Assert.Equal([[1, 2], [3], [4], [5, 6]], Enumerable.Range(0, cut.DocumentCount).Select(i => Tokens(cut, i)));
    }

    [Fact]
    public void A_shard_of_llm_c_without_an_index_is_parted_at_its_end_of_text_tokens()
    {
        ushort[] tokens = [50256, 1, 2, 3, 50256, 50256, 4, 50256];
        var path = WritePlain(tokens);
        using var parted = TokenCorpus.Open(path, endOfText: 50256);
        Assert.Equal([[1, 2, 3], [4]], Enumerable.Range(0, parted.DocumentCount).Select(i => Tokens(parted, i)));
        Assert.Equal(4, parted.TokenCount);
        Assert.Equal(0, parted.TextBytes);

        using var whole = TokenCorpus.Open(path);
        Assert.Equal(tokens.Select(token => (int)token), Tokens(whole, 0));
    }

    [Fact]
    public void The_bytes_of_a_shard_without_an_index_are_counted_by_the_tokenizer()
    {
        var tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2("a b"));
        var path = WritePlain(tokenizer.Encode("xabé<|endoftext|>ab").Select(token => (ushort)token).ToArray());
        using var corpus = TokenCorpus.Open(path, tokenizer.EndOfTextId, tokenizer);
        Assert.Equal([5L, 2L], Enumerable.Range(0, 2).Select(corpus.DocumentTextBytes));
    }

    [Fact]
    public void Tokens_outside_a_document_are_refused()
    {
        using var corpus = TokenCorpus.FromTokens([[1, 2, 3], [4, 5]]);
        var buffer = new int[2];
        corpus.CopyTokens(0, 1, buffer);
        Assert.Equal([2, 3], buffer);
        Assert.Throws<ArgumentOutOfRangeException>(() => corpus.CopyTokens(0, 2, buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() => corpus.CopyTokens(0, -1, buffer));
        corpus.Dispose();
        Assert.Throws<ObjectDisposedException>(() => corpus.CopyTokens(0, 0, buffer));
    }

    [Fact]
    public void Malformed_shards_are_refused_with_a_sentence()
    {
        var whole = File.ReadAllBytes(WritePlain([1, 2, 3]));
        var wrongMagic = whole.ToArray();
        wrongMagic[0]++;
        var wrongVersion = whole.ToArray();
        wrongVersion[4] = 9;
        var negative = whole.ToArray();
        negative[11] = 0xFF;
        foreach (var (content, says) in new[] { ([], "not a token shard"), (whole[..500], "not a token shard"), (wrongMagic, "not a token shard"), (wrongVersion, "not a token shard"), (negative, "not a token shard"), (whole[..^1], "bytes where its header says"), ([.. whole, 0], "bytes where its header says") })
        {
            var failure = Assert.Throws<UserException>(() => TokenCorpus.Open(_folder.Write("bad.bin", content)));
            Assert.Contains("bad.bin", failure.Message);
            Assert.Contains(says, failure.Message);
        }

        Assert.Contains("can't be read", Assert.Throws<UserException>(() => TokenCorpus.Open(_folder["missing.bin"])).Message);
    }

    [Fact]
    public void Any_changed_byte_of_a_shard_or_its_index_is_noticed()
    {
        var path = _folder["shard.bin"];
        using (var writer = new ShardWriter(path, 300))
        {
            writer.Add("a", [1, 2, 3], 3);
            writer.Finish();
        }

        foreach (var file in (string[])[path, path + ".idx"])
        {
            var whole = File.ReadAllBytes(file);
            for (var place = 0; place < whole.Length; place += place < 16 || whole.Length - place < 80 ? 1 : 37)
            {
                var damaged = whole.ToArray();
                damaged[place] ^= 1;
                File.WriteAllBytes(file, damaged);
                Assert.Throws<UserException>(() => TokenCorpus.Open(path));
            }

            File.WriteAllBytes(file, whole[..^5]);
            Assert.Throws<UserException>(() => TokenCorpus.Open(path));
            File.WriteAllBytes(file, whole);
        }

        using var corpus = TokenCorpus.Open(path);
        Assert.Equal([1, 2, 3], Tokens(corpus, 0));
    }

    [Fact]
    public void Parallel_encoding_keeps_the_order_of_documents()
    {
        var tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2("a b"));
        var documents = Enumerable.Range(0, 200).Select(i => new Document($"{i}", Awkward.Text(new Random(i), i % 50))).ToList();
        foreach (var threads in (int[])[1, 3, 16])
        {
            var encoded = ParallelEncoder.Encode(documents, tokenizer, threads).ToList();
            Assert.Equal(documents.Select(document => document.Id), encoded.Select(document => document.Id));
            Assert.All(encoded.Zip(documents), pair => Assert.Equal(tokenizer.Encode(pair.Second.Text), pair.First.Tokens));
        }
    }

    public void Dispose() => _folder.Dispose();

    internal static int[] Tokens(TokenCorpus corpus, int document)
    {
        var tokens = new int[corpus.DocumentLength(document)];
        corpus.CopyTokens(document, 0, tokens);
        return tokens;
    }

    private string WritePlain(ushort[] tokens)
    {
        // As llm.c's data scripts write it: 256 integers, then the tokens.
        var header = new int[256];
        (header[0], header[1], header[2]) = (20240520, 1, tokens.Length);
        return _folder.Write("plain.bin", [.. header.SelectMany(BitConverter.GetBytes), .. tokens.SelectMany(BitConverter.GetBytes)]);
    }
}
