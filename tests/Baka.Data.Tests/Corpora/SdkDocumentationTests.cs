using Baka.Data.Corpora;

namespace Baka.Data.Tests.Corpora;

public sealed class SdkDocumentationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_type_becomes_one_document_of_prose()
    {
        WritePack("Some.Ref", "10.0.1", "net10.0", "A.xml", """
            <?xml version="1.0"?><doc><members>
            <member name="T:Some.Space.Box`1"><summary>Holds   a
              <typeparamref name="TItem" /> or <see langword="null" />.</summary><typeparam name="TItem">What is held.</typeparam></member>
            <member name="M:Some.Space.Box`1.#ctor(`0)"><summary>Makes a <see cref="T:Some.Space.Box`1" />.</summary></member>
            <member name="M:Some.Space.Box`1.Split``1(System.Char[],System.Collections.Generic.IDictionary{System.Int32,System.Nullable{``0}},System.Int32[0:,0:]@)">
              <param name="separator">Where to <paramref name="count" />.</param><typeparam name="TOut">Out.</typeparam>
              <returns><para>First.</para><para>Second <c>x</c>.<br/>Third.</para><list type="bullet"><item><term>One</term><description>the <b>first</b></description></item><item><description>other</description></item></list></returns>
              <exception cref="T:System.ArgumentNullException"><paramref name="separator" /> is <see langword="null" />.</exception>
              <remarks>See <see cref="M:System.String.Split(System.Char[],System.Int32)" />, <see cref="P:System.String.Length" />, <see href="x">this page</see> and <code />.<code>
            var a = 1;
              var b = 2;
            </code>End.</remarks>
            </member>
            <member name="P:Some.Space.Box`1.Item(System.String)"><value>An item.</value></member>
            <member name="M:Some.Space.Box`1.System#IDisposable#Dispose"><inheritdoc /></member>
            <member name="T:Some.Space.Empty"></member>
            <member name="T:Some.Space.Other" />
            </members></doc>
            """);

        var document = Assert.Single(SdkDocumentation.Find([_folder.Path]));

        Assert.Equal("Some.Space.Box`1", document.Id);
        Assert.Equal(
            """
            Some.Space.Box<TItem>
            Holds a TItem or null.
            TItem: What is held.

            Box<TItem>(TItem)
            Makes a Box<T>.

            Box<TItem>.Split<TOut>(char[], IDictionary<int, TOut?>, int[,])
            separator: Where to count.
            TOut: Out.
            Returns: First.
            Second x.
            Third.
            - One: the first
            - other
            Throws ArgumentNullException: separator is null.
            See String.Split(char[], int), String.Length, this page and .
            var a = 1;
              var b = 2;
            End.

            Box<TItem>.Item[string]
            Value: An item.

            """,
            document.Text);
    }

    [Fact]
    public void The_newest_version_counts_and_a_type_comes_once()
    {
        WritePack("B.Ref", "9.0.10", "net9.0", "A.xml", Describe("Old"));
        WritePack("B.Ref", "10.0.2", "net9.0", "A.xml", Describe("Older framework"));
        WritePack("B.Ref", "10.0.2", "net10.0", "A.xml", Describe("New"));
        WritePack("B.Ref", "10.0.2", "net10.0", "B.xml", Describe("Twin"));
        WritePack("C.Ref", "10.0.2", "net10.0", "A.xml", Describe("Same file of another pack"));
        Assert.Equal("N.Type\nNew\n", Assert.Single(SdkDocumentation.Find([_folder["nowhere"], _folder.Path])).Text);

        static string Describe(string what) => $"<doc><members><member name=\"T:N.Type\"><summary>{what}</summary></member></members></doc>";
    }

    [Fact]
    public void A_machine_without_documentation_asks_for_data() =>
        Assert.Contains("--data", Assert.Throws<UserException>(() => SdkDocumentation.Find([_folder.Path])).Message);

    [Fact]
    public void A_broken_file_is_named()
    {
        WritePack("B.Ref", "10.0.2", "net10.0", "A.xml", "<doc><members>");
        Assert.Contains("A.xml", Assert.Throws<UserException>(() => SdkDocumentation.Find([_folder.Path]).ToList()).Message);
    }

    [Fact]
    public void The_documentation_of_this_sdk_is_a_large_sorted_corpus()
    {
        // Tests are run by an SDK, and an SDK brings its reference packs; a source-built one may not.
        if (!DotnetRoots.Candidates().Any(root => Directory.Exists(Path.Combine(root, "packs", "Microsoft.NETCore.App.Ref"))))
            return;
        var source = SdkDocumentation.Find();
        var documents = source.ToList();
        Assert.True(documents.Sum(document => (long)document.Text.Length) > 10_000_000);
        Assert.Equal(documents.Select(document => document.Id).Order(StringComparer.Ordinal), documents.Select(document => document.Id));
        Assert.Equal(documents, source.ToList());
        Assert.Contains("String.Split(char[], int)\n", documents.Single(document => document.Id == "System.String").Text);
        Assert.DoesNotContain(documents, document => document.Text.Contains("<see ") || document.Text.Contains("cref="));
    }

    public void Dispose() => _folder.Dispose();

    private void WritePack(string pack, string version, string framework, string file, string xml) =>
        _folder.Write($"packs/{pack}/{version}/ref/{framework}/{file}", xml);
}
