using Baka.Model.Recipes;

namespace Baka.Model.Tests.Recipes;

public class RecipeLoadingTests
{
    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n")]
    [InlineData("train:\n  # all commented out\n")]
    public void An_empty_file_gives_the_defaults(string yaml) =>
        Assert.Equal(new Recipe { Name = "run" }, RecipeFiles.Load(yaml));

    [Fact]
    public void The_preset_tiny_is_what_the_records_default_to() =>
        Assert.Equal(new Recipe(), RecipeLoader.Load("tiny", []));

    [Theory]
    [InlineData("tiny", 4, 128, 512, 4, 64, 4, 4096)]
    [InlineData("small", 4, 256, 1024, 4, 128, 8, 8192)]
    [InlineData("permuteformer-6", 6, 512, 1024, 8, 512, 8, 16384)]
    [InlineData("baka-12", 12, 768, 3072, 12, 512, 8, 50304)]
    public void Presets_have_their_sizes_and_every_technique(
        string name, int layers, int dim, int hidden, int heads, int window, int pauses, int vocabulary)
    {
        var recipe = RecipeLoader.Load(name, []);
        var model = recipe.Model;
        Assert.Equal((name, name), (recipe.Name, recipe.Preset));
        Assert.Equal((layers, dim, hidden, heads), (model.Layers.Count, model.Dim, model.Mlp.Hidden, model.Heads));
        Assert.Equal((window, pauses, vocabulary), (model.Window, model.Pause.Count, model.Vocabulary));
        Assert.Equal((MlpActivation.Elephant, 16, 4), (model.Mlp.Act, model.Memory.Tokens, model.Step.Width));
        Assert.Equal(new XlRecipe { Scheme = XlScheme.LongReset, Windows = 1 }, model.Xl);
        Assert.Equal(new GateRecipe { Fn = GateFunction.Relu, On = GateSource.Input, Of = [Branch.Attn, Branch.Mlp, Branch.Step] }, model.Gate);
        Assert.True(recipe.Train.WindowsPerStep > 1, "gradients reach the memory through a window at least");
    }

    [Fact]
    public void Each_source_overrides_the_one_before()
    {
        using var files = new RecipeFiles();
        files.Write("base.yaml", "layers: 5\ndim: 64\nheads: 2\nwindow: 32\npreset: small");
        var run = files.Write("deeper/run.yaml", "extends: ../base.yaml\ndim: 96\nheads: 6\n");
        var recipe = RecipeLoader.Load(run, ["heads=3", "heads=12"]);
        Assert.Equal(8192, recipe.Model.Vocabulary);
        Assert.Equal((5, 96, 12, 32), (recipe.Model.Layers, recipe.Model.Dim, recipe.Model.Heads, recipe.Model.Window));
        Assert.Equal("small", recipe.Preset);
    }

    [Fact]
    public void A_recipe_can_be_put_on_any_preset()
    {
        var recipe = RecipeLoader.Load("pristine", ["preset=small"]);
        Assert.Equal((256, MlpActivation.Silu), (recipe.Model.Dim, recipe.Model.Mlp.Act));
        Assert.Equal(("pristine", "small"), (recipe.Name, recipe.Preset));
    }

    [Fact]
    public void A_recipe_that_extends_a_preset_starts_from_its_values()
    {
        var recipe = RecipeFiles.Load("extends: small\nlayers: 7");
        Assert.Equal((7, 256, "run", "small"), (recipe.Model.Layers, recipe.Model.Dim, recipe.Name, recipe.Preset));
    }

    [Fact]
    public void A_name_is_not_inherited()
    {
        using var files = new RecipeFiles();
        files.Write("base.yaml", "name: first");
        Assert.Equal("run", RecipeLoader.Load(files.Write("run.yaml", "extends: base.yaml"), []).Name);
        Assert.Equal("own", RecipeLoader.Load(files.Write("run.yaml", "extends: base.yaml\nname: own"), []).Name);
        Assert.Equal("set", RecipeLoader.Load(files.Write("run.yaml", "name: own"), ["name=set"]).Name);
    }

    [Fact]
    public void Keys_may_be_nested_or_dotted() =>
        Assert.Equal(
            RecipeFiles.Load("train.optimizer.lr: 2e-3\nxl.windows: 3"),
            RecipeFiles.Load("train:\n  optimizer: { lr: 0.002 }\nxl:\n  windows: 3"));

    [Fact]
    public void Layers_are_a_number_or_groups_which_an_extending_recipe_replaces_whole()
    {
        using var files = new RecipeFiles();
        files.Write("base.yaml", "layers: [{ count: 2, mlp.hidden: 0 }, { mlp: { hidden: 7 } }, {}]");
        var model = RecipeLoader.Load(files.Write("run.yaml", "extends: base.yaml"), []).Model;
        Assert.Equal([0, 0, 7, 512], Enumerable.Range(0, model.Layers.Count).Select(i => model.OfLayer(i).Mlp.Hidden));
        Assert.Equal(3, RecipeLoader.Load(files.Write("run.yaml", "extends: base.yaml"), ["layers=3"]).Model.Layers.Count);
        Assert.Equal(model.Layers, RecipeFiles.Load("", "layers=[{count: 2, mlp.hidden: 0}, {mlp.hidden: 7}, {count: 1}]").Model.Layers);
        Assert.Equal(RecipeFiles.Load("layers: 5"), RecipeFiles.Load("layers: [{ count: 5 }]"));
    }

    [Fact]
    public void Overrides_take_lists_mappings_nulls_and_text_as_it_stands()
    {
        var recipe = RecipeFiles.Load(
            "tokenizer.path: a.json\ntrain.minutes: 5",
            "gate.of=[mlp,attn]", "xl={ windows: 3, sinks: 2 }", "train.steps=null", "data.train=[\"a, b.txt\", c]", "name=a: b #c");
        Assert.Equal([Branch.Mlp, Branch.Attn], recipe.Model.Gate.Of);
        Assert.Equal((3, 2), (recipe.Model.Xl.Windows, recipe.Model.Xl.Sinks));
        Assert.Null(recipe.Train.Steps);
        Assert.Equal(["a, b.txt", "c"], recipe.Data.Train);
        Assert.Equal(("a: b #c", "a.json"), (recipe.Name, recipe.Tokenizer.Path));
        Assert.Null(RecipeFiles.Load("tokenizer.path: a.json", "tokenizer.path=null").Tokenizer.Path);
    }

    [Fact]
    public void A_file_goes_before_a_built_in_recipe_of_the_same_name()
    {
        using var files = new RecipeFiles();
        files.Write("small", "layers: 9");
        Assert.Equal(9, RecipeLoader.Load(files.Write("run.yaml", "extends: small"), []).Model.Layers);
    }

    [Fact]
    public void Recipes_are_equal_when_all_their_values_are()
    {
        var one = RecipeFiles.Load("data.train: [a, b]");
        var same = RecipeFiles.Load("data.train: [a, b]");
        Assert.Equal(one, same);
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(one, RecipeFiles.Load("data.train: [b, a]"));
        Assert.NotEqual(one, one with { Train = one.Train with { Seed = 2 } });
    }

    [Fact]
    public void Every_recipe_of_the_repository_loads_and_is_built_in()
    {
        var folder = Path.Combine(RecipeFiles.Repository, "recipes");
        var files = Directory.GetFiles(folder, "*.yaml", SearchOption.AllDirectories);
        Assert.Equal(files.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal), RecipeLoader.BuiltIn);
        Assert.Subset(RecipeLoader.BuiltIn.ToHashSet(), RecipeLoader.Presets.ToHashSet());
        foreach (var file in files)
        {
            var recipe = RecipeLoader.Load(file, []);
            Assert.Equal(RecipeLoader.Load(Path.GetFileNameWithoutExtension(file), []), recipe);
        }
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("small")]
    [InlineData("permuteformer-6")]
    [InlineData("baka-12")]
    public void The_ladder_stands_on_every_preset(string preset)
    {
        foreach (var rung in RecipeLoader.BuiltIn.Except(RecipeLoader.Presets))
            Assert.Equal(preset, RecipeLoader.Load(rung, ["preset=" + preset]).Preset);
    }
}
