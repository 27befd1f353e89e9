using Baka.Data.Documents;

namespace Baka.Data.Tests.Documents;

public sealed class ValidationSplitTests
{
    [Fact]
    public void Every_kth_document_is_validation_and_none_is_lost()
    {
        var source = DocumentSource.FromDocuments(Enumerable.Range(0, 43).Select(i => new Document($"{i}", $"text {i}")).ToList());
        var (training, validation) = ValidationSplit.Take(source, 10);
        Assert.Equal(["9", "19", "29", "39"], validation.Select(document => document.Id));
        Assert.Equal(source.Select(document => document.Id).Order(), training.Concat(validation).Select(document => document.Id).Order());
    }

    [Theory]
    [InlineData(1, 20)]
    [InlineData(1, 2)]
    [InlineData(3, 5)]
    [InlineData(19, 20)]
    public void Few_documents_are_cut_at_paragraphs_and_nothing_of_them_is_lost(int count, int every)
    {
        var paragraphs = Enumerable.Range(0, 400).Select(i => $"Paragraph {i} " + new string('x', i % 70) + "\n\n").ToList();
        var source = DocumentSource.FromDocuments(Enumerable.Range(0, count).Select(i => new Document($"{i}", string.Concat(paragraphs))).ToList());

        var (training, validation) = ValidationSplit.Take(source, every);

        var parts = training.Concat(validation).ToList();
        Assert.All(parts, part => Assert.StartsWith("Paragraph ", part.Text));
        Assert.Equal(source.SelectMany(document => document.Text.Split("\n\n")).Order(), parts.SelectMany(part => part.Text.Split("\n\n")).Concat(Enumerable.Repeat("", count)).Order().Skip(parts.Count));
        var share = validation.Sum(part => part.Text.Length) / (double)parts.Sum(part => part.Text.Length);
        Assert.InRange(share, 0.5 / every, 1.6 / every);
    }

    [Fact]
    public void Text_without_paragraphs_is_cut_between_words_and_never_inside_a_character()
    {
        var words = DocumentSource.FromDocuments([new Document("words", string.Concat(Enumerable.Repeat("word ", 2000)))]);
        var (training, validation) = ValidationSplit.Take(words, 4);
        Assert.All(training.Concat(validation), part => Assert.Equal(0, part.Text.Length % 5));

        var faces = DocumentSource.FromDocuments([new Document("faces", "." + string.Concat(Enumerable.Repeat("😀", 2000)))]);
        var (left, right) = ValidationSplit.Take(faces, 4);
        Assert.All(left.Concat(right), part => Assert.False(char.IsLowSurrogate(part.Text[0])));
    }

    [Fact]
    public void Parts_have_fingerprints_of_their_own()
    {
        var source = DocumentSource.FromDocuments([new Document("a", "text")]);
        var (training, validation) = ValidationSplit.Take(source, 4);
        var (other, _) = ValidationSplit.Take(source, 5);
        byte[][] prints = [source.Fingerprint.ToArray(), training.Fingerprint.ToArray(), validation.Fingerprint.ToArray(), other.Fingerprint.ToArray()];
        Assert.Equal(4, prints.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void A_text_too_short_to_split_is_refused()
    {
        var (training, _) = ValidationSplit.Take(DocumentSource.FromDocuments([new Document("a", "short")]), 10);
        Assert.Contains("--valid", Assert.Throws<UserException>(() => training.ToList()).Message);
    }
}
