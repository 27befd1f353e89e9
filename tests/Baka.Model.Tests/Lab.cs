using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests;

/// <summary>Tiny models with random parameters on the reference device.</summary>
internal static class Lab
{
    /// <summary>The core without any technique: 2 layers, d 8, 2 heads, F 12, V 11, T 6.</summary>
    public static readonly ModelRecipe Plain = new()
    {
        Layers = 2,
        Dim = 8,
        Heads = 2,
        Vocabulary = 11,
        Window = 6,
        Mlp = new() { Hidden = 12 },
        Xl = new() { Scheme = XlScheme.None },
        Pause = new() { Count = 0 },
        Memory = new() { Tokens = 0 },
        Step = new() { Width = 0 },
        Gate = new() { Of = [] },
    };

    /// <summary>Every technique with its default settings, at a size the reference can bear.</summary>
    public static readonly ModelRecipe Everything = Plain with
    {
        Xl = new(),
        Pause = new() { Count = 2 },
        Memory = new() { Tokens = 2 },
        Step = new() { Width = 3 },
        Gate = new(),
    };

    /// <summary>Recipes that between them use every option, by name.</summary>
    public static IReadOnlyDictionary<string, ModelRecipe> Zoo { get; } = new Dictionary<string, ModelRecipe>
    {
        ["plain"] = Plain,
        ["everything"] = Everything,
        ["tied, layer norm, split"] = Plain with { Tie = true, Norm = new() { Kind = NormKind.Layer, Split = true }, Step = new() { Width = 2 }, Gate = new() },
        ["xl"] = Plain with { Xl = new() },
        ["xl over two windows"] = Plain with { Xl = new() { Windows = 2 } },
        ["repos"] = Plain with { Xl = new() { Scheme = XlScheme.Repos } },
        ["repos with sinks and memory"] = Everything with { Xl = new() { Scheme = XlScheme.Repos, Windows = 2, Sinks = 3 } },
        ["sinks"] = Plain with { Xl = new() { Sinks = 2 } },
        ["sinks over two windows"] = Everything with { Xl = new() { Windows = 2, Sinks = 3 } },
        ["pauses"] = Plain with { Pause = new() { Count = 4 } },
        ["random pauses"] = Everything with { Pause = new() { Count = 3, Random = true } },
        ["random pauses side by side"] = Everything with { Memory = new() { Tokens = 0 }, Pause = new() { Count = 3, Random = true } },
        ["memory"] = Plain with { Memory = new() { Tokens = 3 } },
        ["memory with the paper's mask"] = Everything with { Memory = new() { Tokens = 3, Mask = MemoryMask.Rmt } },
        ["memory margin"] = Everything with { Memory = new() { Tokens = 5, Margin = 2 } },
        ["glu"] = Everything with { Memory = new() { Tokens = 2, Solidifier = Solidifier.Glu } },
        ["gelephant"] = Everything with { Memory = new() { Tokens = 3, Solidifier = Solidifier.Gelephant, Margin = 1 } },
        ["mlp solidifier"] = Everything with { Memory = new() { Tokens = 2, Solidifier = Solidifier.Mlp } },
        ["mixer"] = Everything with { Memory = new() { Tokens = 3, Solidifier = Solidifier.Mixer } },
        ["step"] = Plain with { Step = new() { Width = 4 } },
        ["step of one"] = Plain with { Step = new() { Width = 1 } },
        ["step at every third"] = Everything with { Step = new() { Width = 3, Every = 3 } },
        ["step shared by pairs"] = Plain with { Layers = 3, Step = new() { Width = 2, Share = StepSharing.Pairs } },
        ["step shared by all"] = Plain with { Layers = 3, Step = new() { Width = 2, Share = StepSharing.All, Carry = true } },
        ["carried step"] = Everything with { Step = new() { Width = 3, Carry = true } },
        ["carried step side by side"] = Plain with { Xl = new(), Pause = new() { Count = 2 }, Step = new() { Width = 4, Every = 4, Carry = true } },
        ["sigmoid gates on outputs"] = Everything with { Gate = new() { Fn = GateFunction.Sigmoid, On = GateSource.Output } },
        ["tanh gates on differences"] = Everything with { Gate = new() { Fn = GateFunction.Tanh, On = GateSource.Difference } },
        ["leaky gates on negative differences"] = Everything with { Gate = new() { Fn = GateFunction.LeakyRelu, On = GateSource.NegDifference } },
        ["silu gate on attention"] = Everything with { Gate = new() { Fn = GateFunction.Silu, Of = [Branch.Attn] } },
        ["elephant gate on the MLP"] = Everything with { Gate = new() { Fn = GateFunction.Elephant, Of = [Branch.Mlp] } },
        ["silu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Silu } },
        ["gelu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Gelu } },
        ["relu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Relu } },
        ["sigmoid"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Sigmoid } },
        ["odd elephant"] = Plain with { Mlp = new() { Hidden = 12, Elephant = new() { A = 1.5, P = 3 } } },
        ["norm on every head"] = Everything with { Attn = new() { QkNorm = QkNorm.Layer } },
        ["norm on all heads"] = Everything with { Attn = new() { QkNorm = QkNorm.Rms, QkNormPer = QkNormSpan.Width } },
        ["negator"] = Everything with { Attn = new() { Negator = true } },
        ["negator and norm"] = Everything with { Attn = new() { Negator = true, QkNorm = QkNorm.Rms }, Xl = new() { Windows = 2, Sinks = 1 } },
    };

    public static TheoryData<string> ZooNames => [.. Zoo.Keys];

    /// <summary>A random combination of everything that goes together.</summary>
    public static ModelRecipe AnyRecipe(int seed)
    {
        var random = new Random(seed);
        T Any<T>()
            where T : struct, Enum => random.GetItems(Enum.GetValues<T>(), 1)[0];
        bool Toss() => random.Next(2) == 0;
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            var width = random.Next(5);
            var recipe = new ModelRecipe
            {
                Layers = random.Next(1, 4),
                Dim = 8,
                Heads = random.GetItems([1, 2, 4], 1)[0],
                Vocabulary = 11,
                Window = random.Next(3, 8),
                Tie = Toss(),
                Norm = new() { Kind = Any<NormKind>(), Split = Toss() },
                Attn = new() { QkNorm = Any<QkNorm>(), QkNormPer = Any<QkNormSpan>(), Negator = Toss() },
                Rope = new() { Theta = Toss() ? 10000 : 7 },
                Mlp = new() { Hidden = random.Next(1, 16), Act = Any<MlpActivation>() },
                Xl = new() { Scheme = Any<XlScheme>(), Windows = random.Next(1, 4), Sinks = random.Next(3) },
                Pause = new() { Count = random.Next(4), Random = Toss() },
                Memory = new() { Tokens = random.Next(6), Mask = Any<MemoryMask>(), Solidifier = Any<Solidifier>(), Margin = random.Next(3) },
                Step = new() { Width = width, Every = Toss() ? 1 : Math.Max(1, width), Share = Any<StepSharing>(), Carry = Toss() },
                Gate = new() { Fn = Any<GateFunction>(), On = Any<GateSource>(), Of = [.. Enum.GetValues<Branch>().Where(_ => Toss())] },
            };
            try
            {
                new Recipe { Model = recipe, Tokenizer = new() { Path = "of bytes would not do" } }.Check();
                return recipe;
            }
            catch (RecipeException)
            {
                // They contradict each other: draw again.
            }
        }

        throw new InvalidOperationException("No combination is allowed.");
    }

    /// <summary>Gives parameters random values that depend on their name alone: norm weights near 1, and none too small to matter.</summary>
    public static void Initialize(IDevice device, LanguageModel model, int seed = 1)
    {
        foreach (var parameter in model.Parameters)
        {
            var random = new Random(parameter.Name.Aggregate(seed, (hash, c) => hash * 31 + c));
            var values = new float[parameter.Shape.Count];
            var scale = MathF.Max(parameter.Initial.Value, 0.1f);
            for (var i = 0; i < values.Length; i++)
            {
                var normal = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
                values[i] = parameter.Initial.Kind == InitializationKind.Normal ? scale * normal : parameter.Initial.Value + 0.1f * normal;
            }

            device.Write(parameter.Name, values);
        }
    }

    public static int[] Tokens(int count, int seed = 7)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(Plain.Vocabulary))];
    }

    /// <summary>The token after each, and none after the last.</summary>
    public static int[] Targets(int[] tokens) => [.. tokens.Skip(1), -1];

    /// <summary>Log-likelihoods of one row's windows of a document, so many windows a run.</summary>
    public static float[] Evaluate(ModelRecipe recipe, int[] tokens, int windowsPerRun, ulong pauseSeed = 0)
    {
        using var device = new ReferenceDevice();
        var model = new LanguageModel(recipe);
        using var program = EvaluationProgram.Create(device, model, 1, windowsPerRun);
        Initialize(device, model);
        var targets = Targets(tokens);
        var nll = new float[tokens.Length];
        var size = windowsPerRun * recipe.Window;
        for (var start = 0; start < tokens.Length; start += size)
        {
            var window = start / recipe.Window;
            program.SetBatch(
                tokens.AsSpan(start, size),
                targets.AsSpan(start, size),
                Enumerable.Range(window, windowsPerRun).ToArray(),
                pauseSeed + (ulong)window);
            program.Run();
            program.CopyNll(nll.AsSpan(start, size));
        }

        return nll;
    }

    /// <summary>Equal to the precision of f32 sums of a few hundred terms.</summary>
    public static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance = 2e-4f)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= tolerance, $"{expected[i]} and {actual[i]} differ at place {i}");
        }
    }
}
