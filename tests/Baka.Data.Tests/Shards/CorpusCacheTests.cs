using Baka.Data.Documents;
using Baka.Data.Shards;
using Baka.Data.Tests.Tokenizers;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Shards;

public sealed class CorpusCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Tokenizer _tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2("a b", "Ġ a"));

    private string Cache => _folder["cache"];

    private static List<Document> Documents { get; } = Enumerable.Range(0, 20).Select(i => new Document($"{i}", $"text {i} ab é ab")).ToList();

    [Fact]
    public void A_second_opening_reads_what_the_first_wrote()
    {
        var source = DocumentSource.FromDocuments(Documents);
        using (var made = CorpusCache.Open(source, _tokenizer, Cache, 2))
            CheckContent(made);
        var unreadable = new DocumentSource("cached", () => throw new InvalidOperationException("The cache must be used."), () => source.Fingerprint.ToArray());
        using var cached = CorpusCache.Open(unreadable, _tokenizer, Cache, 2);
        CheckContent(cached);
        Assert.Single(Directory.GetDirectories(Cache));
    }

    [Fact]
    public void Other_text_and_another_tokenizer_have_entries_of_their_own()
    {
        CorpusCache.Open(DocumentSource.FromDocuments(Documents), _tokenizer, Cache, 1).Dispose();
        CorpusCache.Open(DocumentSource.FromDocuments(Documents[1..]), _tokenizer, Cache, 1).Dispose();
        CorpusCache.Open(DocumentSource.FromDocuments(Documents), TokenizerJson.Load(TokenizerJson.Gpt2("a b")), Cache, 1).Dispose();
        Assert.Equal(3, Directory.GetDirectories(Cache).Length);
    }

    [Fact]
    public void A_damaged_truncated_or_half_written_entry_is_made_anew()
    {
        var source = DocumentSource.FromDocuments(Documents);
        CorpusCache.Open(source, _tokenizer, Cache, 1).Dispose();
        var entry = Directory.GetDirectories(Cache).Single();
        var shard = Path.Combine(entry, "tokens.bin");
        var whole = File.ReadAllBytes(shard);
        Action[] damages =
        [
            () => File.WriteAllBytes(shard, [.. whole[..^1], 9]),
            () => File.WriteAllBytes(shard, whole[..^3]),
            () => File.WriteAllBytes(shard, []),
            () => File.Delete(shard),
            () => File.Delete(shard + ".idx"),
            () => File.WriteAllText(shard + ".idx", "nonsense"),
            () => Directory.Delete(entry, recursive: true),
        ];
        foreach (var damage in damages)
        {
            damage();
            using var corpus = CorpusCache.Open(source, _tokenizer, Cache, 1);
            CheckContent(corpus);
            Assert.Equal(whole, File.ReadAllBytes(shard));
            Assert.Equal([entry], Directory.GetDirectories(Cache));
        }
    }

    [Fact]
    public void Many_may_open_the_same_corpus_at_once()
    {
        Parallel.For(0, 8, _ =>
        {
            using var corpus = CorpusCache.Open(DocumentSource.FromDocuments(Documents), _tokenizer, Cache, 1);
            CheckContent(corpus);
        });
        Assert.Single(Directory.GetDirectories(Cache));
    }

    [Fact]
    public void A_failure_while_reading_leaves_nothing_behind()
    {
        var source = new DocumentSource("bad", () => Documents.Append(null!).Select(document => document ?? throw new UserException("unreadable")), () => new byte[32]);
        Assert.Equal("unreadable", Assert.Throws<UserException>(() => CorpusCache.Open(source, _tokenizer, Cache, 2)).Message);
        Assert.Empty(Directory.GetFileSystemEntries(Cache));
    }

    [Fact]
    public void A_folder_that_can_not_be_written_is_refused_with_a_sentence()
    {
        var file = _folder.Write("file", "in the way");
        var failure = Assert.Throws<UserException>(() => CorpusCache.Open(DocumentSource.FromDocuments(Documents), _tokenizer, file, 1));
        Assert.Contains("free space", failure.Message);
    }

    [Fact]
    public void What_others_left_half_done_long_ago_is_removed()
    {
        foreach (var name in (string[])["old.tmp", "new.tmp"])
            _folder.Write($"cache/{name}/tokens.bin", "x");
        Directory.SetLastWriteTimeUtc(Path.Combine(Cache, "old.tmp"), DateTime.UtcNow.AddDays(-2));
        CorpusCache.Open(DocumentSource.FromDocuments(Documents), _tokenizer, Cache, 1).Dispose();
        Assert.False(Directory.Exists(Path.Combine(Cache, "old.tmp")));
        Assert.True(Directory.Exists(Path.Combine(Cache, "new.tmp")));
    }

    public void Dispose() => _folder.Dispose();

    private void CheckContent(TokenCorpus corpus)
    {
        Assert.Equal(Documents.Select(document => _tokenizer.Encode(document.Text)), Enumerable.Range(0, corpus.DocumentCount).Select(i => TokenCorpusTests.Tokens(corpus, i)));
        Assert.Equal(Documents.Select(document => document.Id), Enumerable.Range(0, corpus.DocumentCount).Select(corpus.DocumentId));
        Assert.Equal(Documents.Sum(document => document.Text.Length + 1), corpus.TextBytes);
    }
}
