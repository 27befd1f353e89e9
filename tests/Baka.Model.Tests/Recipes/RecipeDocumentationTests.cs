using Baka.Model.Recipes;
using Baka.Model.Recipes.Schema;

namespace Baka.Model.Tests.Recipes;

public class RecipeDocumentationTests
{
    [Fact]
    public void The_page_in_docs_is_what_the_declarations_say()
    {
        var path = Path.Combine(RecipeFiles.Repository, "docs", "recipes.md");
        if (Environment.GetEnvironmentVariable("BAKA_UPDATE_DOCS") == "1") File.WriteAllText(path, RecipeDocumentation.Markdown());
        Assert.Equal(RecipeDocumentation.Markdown(), File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Every_key_is_documented_with_a_default_that_can_be_set()
    {
        Assert.Equal(RecipeSchema.Fields.Keys, RecipeDocumentation.Keys.Select(x => x.Path));
        var overrides = RecipeDocumentation.Keys.Select(x => $"{x.Path}={x.Default}").ToArray();
        Assert.Equal(RecipeLoader.Load("tiny", []), RecipeLoader.Load("pristine", overrides));
    }

    [Fact]
    public void Every_built_in_recipe_begins_with_what_it_is()
    {
        foreach (var name in RecipeLoader.BuiltIn) Assert.StartsWith("# ", RecipeSource.OpenBuiltIn(name).Text);
    }
}
