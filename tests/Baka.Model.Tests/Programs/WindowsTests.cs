using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests.Programs;

/// <summary>Carried memory, tested as memory.</summary>
public sealed class WindowsTests
{
    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void Runs_of_one_two_or_four_windows_give_the_same(string name)
    {
        var recipe = Lab.Zoo[name];
        var tokens = Lab.Tokens(4 * recipe.Window);
        var whole = Lab.Evaluate(recipe, tokens, 4);

        Assert.All(whole, nll => Assert.True(float.IsFinite(nll)));
        Lab.Near(whole, Lab.Evaluate(recipe, tokens, 2));
        Lab.Near(whole, Lab.Evaluate(recipe, tokens, 1));
    }

    [Theory]
    [MemberData(nameof(Zoo))]
    public void A_row_does_not_depend_on_other_rows_or_on_what_its_row_held_before(string name)
    {
        var recipe = Lab.Zoo[name];
        var model = new LanguageModel(recipe);
        var tokens = Lab.Tokens(3 * 4 * recipe.Window);
        using var device = new ReferenceDevice();
        using var program = EvaluationProgram.Create(device, model, 3, 4);
        Lab.Initialize(device, model);
        foreach (var carry in model.Carry(3, "evaluation.carry"))
        {
            var garbage = new float[carry.Shape.Count];
            Array.Fill(garbage, float.NaN);
            device.Write(carry.Name, garbage);
        }

        // The middle row's second document begins with its third window.
        var nll = new float[tokens.Length];
        program.SetBatch(tokens, Lab.Targets(tokens), [0, 1, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3], 0);
        program.Run();
        program.CopyNll(nll);

        var size = 4 * recipe.Window;
        int[] starts = [0, size, 3 * size / 2, 2 * size];
        for (var i = 0; i < starts.Length; i++)
        {
            var document = tokens[starts[i]..(i == 3 ? tokens.Length : starts[i + 1])];
            var alone = Lab.Evaluate(recipe, document, 2, (ulong)(starts[i] / recipe.Window));
            Lab.Near(alone.AsSpan(..^1), nll.AsSpan(starts[i], document.Length - 1));
        }
    }

    [Fact]
    public void Nan_left_by_another_document_reaches_no_gradient()
    {
        foreach (var (name, recipe) in Lab.Zoo)
        {
            var model = new LanguageModel(recipe);
            using var device = new ReferenceDevice();
            using var program = TrainingProgram.Create(device, model, new TrainRecipe(), 1, 2);
            Lab.Initialize(device, model);
            foreach (var carry in model.Carry(1))
            {
                var garbage = new float[carry.Shape.Count];
                Array.Fill(garbage, float.NaN);
                device.Write(carry.Name, garbage);
            }

            var tokens = Lab.Tokens(2 * recipe.Window);
            program.SetBatch(tokens, tokens, [0, 1], 0);
            Assert.False(program.Run(new StepSettings(1e-3, 1, 1)).Skipped, name);
        }
    }

    [Fact]
    public void A_first_window_is_that_of_a_model_without_memory()
    {
        var tokens = Lab.Tokens(6);
        var plain = Lab.Evaluate(Lab.Everything with { Memory = new() { Tokens = 0 }, Xl = new() { Scheme = XlScheme.None } }, tokens, 1);

        Lab.Near(plain, Lab.Evaluate(Lab.Everything, tokens, 1));
        Lab.Near(plain, Lab.Evaluate(Lab.Zoo["memory with the paper's mask"], tokens, 1));
        Lab.Near(plain, Lab.Evaluate(Lab.Zoo["carried step"], tokens, 1));
    }

    [Fact]
    public void Later_windows_remember()
    {
        var tokens = Lab.Tokens(12);
        int[] others = [.. Lab.Tokens(6, seed: 8), .. tokens[6..]];
        foreach (var recipe in new[] { "xl", "memory", "sinks", "recurrence", "flip-flop", "step shared by all", "mamba", "mega", "linear attention" }.Select(name => Lab.Zoo[name]))
        {
            Assert.NotEqual(Lab.Evaluate(recipe, tokens, 2)[6..], Lab.Evaluate(recipe, others, 2)[6..]);
        }

        Assert.Equal(Lab.Evaluate(Lab.Zoo["step"], tokens, 2)[6..], Lab.Evaluate(Lab.Zoo["step"], others, 2)[6..]);
    }

    [Fact]
    public void Nothing_sees_what_comes_later()
    {
        var tokens = Lab.Tokens(12);
        int[] others = [.. tokens[..9], .. Lab.Tokens(3, seed: 8)];
        foreach (var recipe in Lab.Zoo.Values)
        {
            Lab.Near(Lab.Evaluate(recipe, tokens, 2).AsSpan(0, 8), Lab.Evaluate(recipe, others, 2).AsSpan(0, 8), 0);
        }
    }

    [Theory]
    [InlineData(XlScheme.LongReset)]
    [InlineData(XlScheme.LongNoreset)]
    [InlineData(XlScheme.Nope)]
    public void Windows_with_all_of_their_past_equal_one_long_pass(XlScheme scheme)
    {
        var recipe = Lab.Plain with
        {
            Attn = new() { QkNorm = QkNorm.Rms },
            Xl = new() { Scheme = scheme, Windows = 3 },
            Step = new() { Width = 3, Carry = true },
            Gate = new() { On = GateSource.Output },
            Mamba = new() { Every = 1, State = 2 },
        };
        var tokens = Lab.Tokens(24);

        Lab.Near(Lab.Evaluate(recipe with { Window = 24 }, tokens, 1), Lab.Evaluate(recipe, tokens, 2));

        var mega = recipe with { Attn = new(), Mega = new() { States = 2 } };
        Lab.Near(Lab.Evaluate(mega with { Window = 24 }, tokens, 1), Lab.Evaluate(mega, tokens, 2));

        var linear = recipe with { Attn = new() { Kind = AttentionKind.Linear }, Xl = new() { Scheme = XlScheme.None } };
        Lab.Near(Lab.Evaluate(linear with { Window = 24 }, tokens, 1), Lab.Evaluate(linear, tokens, 2));
    }

    [Fact]
    public void A_recurrence_remembers_windows_that_no_cache_reaches()
    {
        var tokens = Lab.Tokens(24);
        int[] others = [.. tokens[..11], (tokens[11] + 1) % 11, .. tokens[12..]];
        foreach (var recipe in new[] { Lab.Zoo["mamba"], Lab.Zoo["mega"], Lab.Zoo["linear attention"] })
        {
            Assert.NotEqual(Lab.Evaluate(recipe, tokens, 2)[18..], Lab.Evaluate(recipe, others, 2)[18..]);
        }
    }
}
