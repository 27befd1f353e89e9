using System.IO.Compression;
using System.Text;
using Baka.Data.Documents;

namespace Baka.Data.Tests.Documents;

public sealed class DocumentSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Folders_are_read_to_any_depth_in_ordinal_order()
    {
        _folder.Write("b.txt", "second");
        _folder.Write("B.md", "first");
        _folder.Write("deep/er/c.jsonl", "{\"text\": \"third\"}\n\n{\"id\": \"x\", \"text\": \"fourth\"}\n{\"id\": 5, \"text\": \"fifth\"}");
        _folder.Write("e.txt.gz", Compress("sixth"));
        _folder.Write("picture.png", "no text");
        _folder.Write("blank.txt", " \n ");

        var documents = DocumentSource.Open([_folder.Path]).ToList();

        Assert.Equal(["first", "second", "third", "fourth", "fifth", "sixth"], documents.Select(document => document.Text));
        Assert.Equal(["B.md", "b.txt", "deep/er/c.jsonl:1", "x", "5", "e.txt.gz"], documents.Select(document => document.Id));
    }

    [Fact]
    public void Several_paths_are_read_in_the_order_given()
    {
        var paths = new[] { _folder.Write("z.txt", "one"), _folder.Write("a.jsonl.gz", Compress("{\"text\": \"two\"}")) };
        Assert.Equal(["one", "two"], DocumentSource.Open(paths).Select(document => document.Text));
    }

    [Fact]
    public void A_byte_order_mark_is_no_text_and_invalid_utf8_is_replaced()
    {
        var path = _folder.Write("a.txt", [0xEF, 0xBB, 0xBF, (byte)'a', 0xFF, (byte)'b']);
        Assert.Equal("a\uFFFDb", DocumentSource.Open([path]).Single().Text);
    }

    [Theory]
    [InlineData("{\"text\": \"a\"}\n{\"text\": ", "line 2")]
    [InlineData("\n[1]", "line 2")]
    [InlineData("{\"id\": \"a\"}", "line 1")]
    [InlineData("{\"text\": 5}", "line 1")]
    [InlineData("{\"text\": \"a\", \"id\": {}}", "line 1")]
    [InlineData("{\"text\": \"\\ud800\"}", "line 1")]
    [InlineData("\0\u0001", "line 1")]
    public void A_malformed_line_is_named_by_file_and_number(string content, string place)
    {
        var path = _folder.Write("bad.jsonl", content);
        var failure = Assert.Throws<UserException>(() => DocumentSource.Open([path]).ToList());
        Assert.Contains("bad.jsonl", failure.Message);
        Assert.Contains(place, failure.Message);
    }

    [Fact]
    public void A_gzip_archive_cut_short_anywhere_is_refused()
    {
        var whole = Compress(RealText.English()[..20_000]);
        int[] lengths = [1, 9, 10, 11, whole.Length / 2, whole.Length - 9, whole.Length - 8, whole.Length - 4, whole.Length - 1];
        foreach (var length in lengths)
        {
            var path = _folder.Write("cut.txt.gz", whole[..length]);
            var failure = Assert.Throws<UserException>(() => DocumentSource.Open([path]).ToList());
            Assert.Contains("cut.txt.gz", failure.Message);
            Assert.Contains("gzip", failure.Message);
        }
    }

    [Fact]
    public void A_gzip_archive_with_a_wrong_byte_is_refused()
    {
        var text = RealText.English()[..20_000];
        var whole = Compress(text);
        foreach (var place in (int[])[0, 1, whole.Length / 3, whole.Length / 2, whole.Length - 6, whole.Length - 2])
        {
            var damaged = whole.ToArray();
            damaged[place] ^= 0x55;
            var path = _folder.Write("wrong.txt.gz", damaged);
            Assert.Contains("gzip", Assert.Throws<UserException>(() => DocumentSource.Open([path]).ToList()).Message);
        }
    }

    [Fact]
    public void Archives_of_several_members_are_read_whole()
    {
        var path = _folder.Write("two.txt.gz", [.. Compress("one "), .. Compress("two")]);
        Assert.Equal("one two", DocumentSource.Open([path]).Single().Text);
    }

    [Fact]
    public void Paths_that_can_not_be_read_are_refused_with_what_to_do()
    {
        Directory.CreateDirectory(_folder["empty"]);
        var cases = new (string[] Paths, string Says)[]
        {
            ([_folder["missing"]], "no such file"),
            ([_folder.Write("a.pdf", "x")], ".jsonl"),
            ([_folder.Write("a.pdf.gz", "x")], ".jsonl"),
            ([_folder["empty"]], "holds no text"),
            ([], "no text was named"),
        };
        foreach (var (paths, says) in cases)
            Assert.Contains(says, Assert.Throws<UserException>(() => DocumentSource.Open(paths)).Message);
        var blank = DocumentSource.Open([_folder.Write("blank.txt", "\n\n")]);
        Assert.Contains("no text found", Assert.Throws<UserException>(() => blank.ToList()).Message);
    }

    [Fact]
    public void The_fingerprint_follows_content_and_name_alone()
    {
        byte[] Hash(string name, string text) => DocumentSource.Open([_folder.Write(name, text)]).Fingerprint.ToArray();
        var first = Hash("a.txt", "text");
        Assert.Equal(first, Hash("deeper/a.txt", "text"));
        Assert.NotEqual(first, Hash("a.txt", "other"));
        Assert.NotEqual(first, Hash("a.md", "text"));
    }

    [Fact]
    public void Wikitext_is_split_into_articles_at_top_headings_only()
    {
        const string First = " = Title of one = \n \n Text . \n \n = = Part = = \n \n More , a = b . \n x\n = not a heading = \n x\n \n";
        const string Second = " = Two = \n \n Text\n";
        var path = _folder.Write("wiki.txt", " \n" + First + Second);

        var documents = DocumentSource.Open([path]).ToList();

        Assert.Equal([First, Second], documents.Select(document => document.Text));
        Assert.Equal(["wiki.txt: Title of one", "wiki.txt: Two"], documents.Select(document => document.Id));
    }

    [Fact]
    public void Text_that_does_not_begin_with_an_article_stays_whole()
    {
        const string Text = "Preface\n \n = Title = \n \n Text\n";
        Assert.Equal(Text, DocumentSource.Open([_folder.Write("a.txt", Text)]).Single().Text);
    }

    [Fact]
    public void The_wikitext_validation_split_has_its_sixty_articles()
    {
        if (RealText.Find("wikitext/wiki.valid.txt.gz") is not { } path)
            return;
        var documents = DocumentSource.Open([path]).ToList();
        Assert.Equal(60, documents.Count);
        Assert.EndsWith(": Homarus gammarus", documents[0].Id);
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] Compress(string text)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return stream.ToArray();
    }
}
