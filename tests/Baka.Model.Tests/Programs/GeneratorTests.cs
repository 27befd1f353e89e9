using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests.Programs;

/// <summary>Token by token against whole windows.</summary>
public sealed class GeneratorTests
{
    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void Token_by_token_gives_what_whole_windows_give(string name)
    {
        var recipe = Lab.Zoo[name];
        var tokens = Lab.Tokens(4 * recipe.Window);
        var expected = Lab.Evaluate(recipe, tokens, 1);
        using var device = new ReferenceDevice();
        using var generator = Make(device, recipe);
        var actual = new float[tokens.Length];
        for (var i = 0; i + 1 < tokens.Length; i++)
        {
            generator.Feed(tokens[i]);
            actual[i] = Nll(generator.Logits, tokens[i + 1]);
        }

        Lab.Near(expected, actual);
    }

    [Theory]
    [MemberData(nameof(Zoo))]
    public void A_prompt_of_any_length_leaves_what_its_tokens_leave_one_by_one(string name)
    {
        var recipe = Lab.Zoo[name];
        using var device = new ReferenceDevice();
        using var other = new ReferenceDevice();
        using var oneByOne = Make(device, recipe);
        using var atOnce = Make(other, recipe);
        var tokens = Lab.Tokens(5 * recipe.Window + 1);
        var start = 0;
        foreach (var length in new[] { 2, 2 * recipe.Window, 0, recipe.Window - 2, 2 * recipe.Window + 1 })
        {
            foreach (var token in tokens.AsSpan(start, length))
            {
                oneByOne.Feed(token);
            }

            atOnce.Feed(tokens.AsSpan(start, length));
            Lab.Near(oneByOne.Logits, atOnce.Logits, 1e-3f);
            start += length;
        }
    }

    [Theory]
    [MemberData(nameof(Zoo))]
    public void A_saved_state_continues_as_if_never_interrupted(string name)
    {
        var recipe = Lab.Zoo[name];
        var tokens = Lab.Tokens(4 * recipe.Window);
        foreach (var length in new[] { 0, 2, recipe.Window, 2 * recipe.Window + 3 })
        {
            using var device = new ReferenceDevice();
            using var other = new ReferenceDevice();
            using var first = Make(device, recipe);
            using var second = Make(other, recipe);
            first.Feed(tokens.AsSpan(0, length));
            second.Feed(Lab.Tokens(20, seed: 4));
            second.Load(first.Save());
            if (length > 0)
            {
                Assert.Equal(first.Logits.ToArray(), second.Logits.ToArray());
            }

            first.Feed(tokens.AsSpan(length, recipe.Window + 1));
            second.Feed(tokens.AsSpan(length, recipe.Window + 1));
            Assert.Equal(first.Logits.ToArray(), second.Logits.ToArray());
        }
    }

    [Fact]
    public void A_reset_forgets_everything()
    {
        foreach (var recipe in Lab.Zoo.Values)
        {
            using var device = new ReferenceDevice();
            using var generator = Make(device, recipe);
            var tokens = Lab.Tokens(2 * recipe.Window + 2);
            generator.Feed(tokens);
            var expected = generator.Logits.ToArray();
            generator.Feed(Lab.Tokens(13, seed: 4));
            generator.Reset();
            Assert.Throws<InvalidOperationException>(() => generator.Logits.Length);
            generator.Feed(tokens);
            Assert.Equal(expected, generator.Logits.ToArray());
        }
    }

    [Fact]
    public void A_state_of_another_model_and_a_token_that_is_none_are_refused()
    {
        using var device = new ReferenceDevice();
        using var other = new ReferenceDevice();
        using var generator = Make(device, Lab.Everything);
        using var narrow = Make(other, Lab.Everything with { Xl = new() { Windows = 2 } });

        Assert.Contains("carry.memory", generator.Save().Carry.Keys);
        var error = Assert.Throws<ArgumentException>(() => generator.Load(narrow.Save()));
        Assert.Equal("The saved state has no carry.layers.0.attn.keys of shape [1, 12, 8]: it belongs to another model.", error.Message);
        Assert.Throws<ArgumentException>(() => generator.Feed(11));
        Assert.Throws<ArgumentException>(() => generator.Feed([1, -1]));
    }

    private static Generator Make(ReferenceDevice device, ModelRecipe recipe)
    {
        var model = new LanguageModel(recipe);
        var generator = Generator.Create(device, model);
        Lab.Initialize(device, model);
        return generator;
    }

    private static float Nll(ReadOnlySpan<float> logits, int target)
    {
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - logits[target]);
        }

        return (float)Math.Log(sum);
    }
}
