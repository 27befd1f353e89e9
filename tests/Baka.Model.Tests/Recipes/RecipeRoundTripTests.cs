using Baka.Model.Recipes;
using Baka.Model.Recipes.Schema;

namespace Baka.Model.Tests.Recipes;

public class RecipeRoundTripTests
{
    private static readonly string[] AwkwardTexts =
    [
        "a", "null", "~", "true", "1e3", "a b", " lead", "trail ", "#x", "a: b", "- x", "'q\"", "back\\slash", "tab\there", "line\nbreak\n",
        "ü/文.txt", "🙂", "[a, b]", "*alias", "%", "\u0085\u2028\ufeff", "---", new string('x', 300) + " " + new string('y', 300),
    ];

    [Fact]
    public void A_resolved_recipe_loads_back_to_an_equal_recipe()
    {
        var changed = new HashSet<Field>();
        for (var seed = 0; seed < 600; seed++)
        {
            var recipe = RandomRecipe(new Random(seed), changed);
            Assert.Equal(recipe, RecipeFiles.Load(recipe.ToYaml()));
        }

        Assert.Equal(RecipeSchema.Fields.Values.ToHashSet(), changed);
    }

    [Fact]
    public void A_resolved_recipe_holds_every_key()
    {
        var yaml = RecipeLoader.Load("tiny", []).ToYaml();
        var names = yaml.Split('\n').Select(x => x.Split(':')[0].Trim()).Where(x => x != "");
        var nested = RecipeSchema.Root.All().Where(x => x.Path != "").SelectMany(x => x.Fields.Select(y => y.Name));
        Assert.StartsWith("name: tiny\npreset: tiny\nprecision: null\nlayers: 4\ndim: 128\n", yaml);
        Assert.Contains("\nxl:\n  scheme: long-reset\n  windows: 1\n  source: same\n  flip: null\n  sinks: 0\n", yaml);
        Assert.Contains("\n  of: [attn, mlp, step]\n", yaml);
        Assert.Contains("    eps: 1e-08\n", yaml);
        Assert.Subset(names.ToHashSet(), nested.ToHashSet());
    }

    [Fact]
    public void Numbers_keep_every_bit()
    {
        var recipe = new Recipe();
        var exact = recipe with { Train = recipe.Train with { Optimizer = recipe.Train.Optimizer with { LearningRate = 0.1 + 0.2, Epsilon = 5e-324 } } };
        Assert.Equal(exact.Train, RecipeFiles.Load(exact.ToYaml()).Train);
    }

    // From the defaults, a walk over random keys and values that keeps what passes the checks.
    private static Recipe RandomRecipe(Random random, HashSet<Field> changed)
    {
        var recipe = new Recipe { Name = "run" };
        var records = RecipeSchema.Root.Walk(recipe).SelectMany(x => x.Section.Fields.Select(field => (field, x.Record))).ToArray();
        for (var change = 0; change < 60; change++)
        {
            var (field, record) = records[random.Next(records.Length)];
            var before = field.Get(record);
            field.Property.SetValue(record, RandomValue(field.Property.PropertyType, field, random));
            try
            {
                recipe.Check();
                changed.Add(field);
            }
            catch (RecipeException)
            {
                field.Property.SetValue(record, before);
            }
        }

        return recipe;
    }

    private static object? RandomValue(Type type, Field field, Random random)
    {
        if (type == typeof(LayerGroups)) return RandomLayers(random);
        if (field.Path == "train.only" && random.Next(2) == 0) return new ValueList<string>(["attn", "layers.0-"]);
        if (field == RecipeSchema.Preset) return RecipeLoader.Presets[random.Next(RecipeLoader.Presets.Count)];
        if (field.Kind.Allows(null) && random.Next(4) == 0) return null;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(bool)) return random.Next(2) == 0;
        if (type == typeof(int)) return random.Next(1 << random.Next(1, 31));
        if (type == typeof(long)) return random.NextInt64(1L << random.Next(1, 63));
        if (type == typeof(double)) return random.NextDouble() * Math.Pow(10, random.Next(-9, 5));
        if (type == typeof(string)) return RandomText(random);
        if (type.IsEnum) return Enum.GetValues(type).GetValue(random.Next(Enum.GetValues(type).Length));
        if (type == typeof(ValueList<Branch>)) return new ValueList<Branch>([.. Enum.GetValues<Branch>().Where(_ => random.Next(2) == 0)]);
        if (type == typeof(ValueList<int>)) return new ValueList<int>([.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(1, 1 << random.Next(1, 31))).Distinct()]);
        return new ValueList<string>([.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomText(random)).Distinct()]);
    }

    private static LayerGroups RandomLayers(Random random) => random.Next(2) == 0 ? random.Next(6) : new LayerGroups(
        [.. Enumerable.Range(0, random.Next(4)).Select(_ => new LayerGroup { Count = random.Next(1, 4), Hidden = random.Next(3) == 0 ? null : random.Next(99) })]);

    private static string RandomText(Random random) => AwkwardTexts[random.Next(AwkwardTexts.Length)];
}
