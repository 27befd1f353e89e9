using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Verification.Models;

namespace Baka.Model.Tests;

/// <summary>Tiny models with random parameters on the reference device.</summary>
internal static class Lab
{
    public static readonly ModelRecipe Plain = ModelCases.Plain;

    public static readonly ModelRecipe Everything = ModelCases.Everything;

    public static IReadOnlyDictionary<string, ModelRecipe> Zoo => ModelCases.Zoo;

    public static TheoryData<string> ZooNames => [.. Zoo.Keys];

    /// <summary>A random combination of everything that goes together.</summary>
    public static ModelRecipe AnyRecipe(int seed)
    {
        var random = new Random(seed);
        T Any<T>()
            where T : struct, Enum => random.GetItems(Enum.GetValues<T>(), 1)[0];
        bool Toss() => random.Next(2) == 0;
        LayerGroups AnyLayers() => Toss() ? random.Next(1, 4)
            : new LayerGroups([.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => new LayerGroup { Count = random.Next(1, 3), Hidden = random.GetItems<int?>([null, 0, 5], 1)[0] })]);
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            var width = random.Next(5);
            var recipe = new ModelRecipe
            {
                Layers = AnyLayers(),
                Dim = 8,
                Fanout = new() { Step = random.GetItems([0, 0, 2, 4, 8], 1)[0] },
                Heads = random.GetItems([1, 2, 4], 1)[0],
                Vocabulary = 11,
                Window = random.Next(3, 8),
                Tie = Toss(),
                Norm = new() { Kind = Any<NormKind>(), Split = Toss() },
                Attn = new() { Kind = Any<AttentionKind>(), Permute = Toss(), Fade = Toss(), QkNorm = Any<QkNorm>(), QkNormPer = Any<QkNormSpan>(), Negator = Toss() },
                Rope = new() { Theta = Toss() ? 10000 : 7 },
                Mlp = new()
                {
                    Hidden = random.Next(16),
                    Act = Any<MlpActivation>(),
                    Share = Toss() ? null : new string(random.GetItems("ab".AsSpan(), random.Next(1, 4))),
                    Lora = random.GetItems([0, 0, 2], 1)[0],
                },
                Xl = new() { Scheme = Any<XlScheme>(), Source = Any<XlSource>(), Windows = random.Next(1, 4), Sinks = random.Next(3) },
                Pause = new() { Count = random.Next(4), Random = Toss() },
                Memory = new() { Tokens = random.Next(6), Mask = Any<MemoryMask>(), Solidifier = Any<Solidifier>(), Margin = random.Next(3) },
                MemTransformer = new() { Tokens = random.Next(3), Bottleneck = Toss(), Controller = Toss() },
                Recurrence = new() { States = random.Next(3), At = Toss() ? null : random.Next(3), Gate = Any<RecurrenceGate>() },
                Step = new() { Width = width, Every = Toss() ? 1 : Math.Max(1, width), Share = Any<StepSharing>(), Carry = Toss() },
                Mega = Toss() ? new() : new() { States = random.Next(1, 4), Expand = random.Next(1, 3) },
                Mamba = Toss() ? new() : new() { Every = random.Next(1, 3), State = random.Next(1, 4), Conv = random.Next(2, 6), Expand = random.Next(1, 3), Rank = Toss() ? null : 3 },
                Gate = new() { Fn = Any<GateFunction>(), On = Any<GateSource>(), Of = [.. Enum.GetValues<Branch>().Where(_ => Toss())] },
            };

            // All relus of an MLP may be closed to the few slots of a memory in a test.
            if (recipe.Mlp.Act == MlpActivation.Relu)
            {
                recipe = recipe with
                {
                    MemTransformer = recipe.MemTransformer with { Controller = false },
                    Memory = recipe.Memory with { Solidifier = recipe.Memory.Solidifier == Solidifier.Mlp ? Solidifier.None : recipe.Memory.Solidifier },
                };
            }

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

    public static void Initialize(IDevice device, LanguageModel model, int seed = 1) => ModelCases.Initialize(device, model, seed);

    public static int[] Tokens(int count, int seed = 7) => ModelCases.Tokens(count, Plain.Vocabulary, seed);

    /// <summary>The token after each, and none after the last.</summary>
    public static int[] Targets(int[] tokens) => ModelCases.Targets(tokens);

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
