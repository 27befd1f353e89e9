using Baka.Graph.Execution;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model;

/// <summary>One thing that must hold of a model with memory.</summary>
/// <param name="Detail">The largest difference found, or what is wrong.</param>
public sealed record SelfTestCheck(string Name, bool Passed, string Detail);

/// <summary>Checks that a model remembers what it should and nothing else, with random tokens on a given device.</summary>
public sealed class SelfTest
{
    private readonly Func<IDevice> _open;
    private readonly ModelRecipe _recipe;
    private readonly Action<IDevice, LanguageModel> _initialize;
    private readonly double _tolerance;

    private SelfTest(Func<IDevice> open, ModelRecipe recipe, Action<IDevice, LanguageModel> initialize, double tolerance) =>
        (_open, _recipe, _initialize, _tolerance) = (open, recipe, initialize, tolerance);

    /// <summary>
    /// Largest difference of a log-likelihood (nats) between two ways to compute the same: rounding of some layers'
    /// activations, relative to logits of a few units.
    /// </summary>
    public static double ToleranceOf(Precision precision) => precision switch
    {
        Precision.Bf16 or Precision.Bf16Pure => 16.0 / (1 << 8),
        Precision.Tf32 => 16.0 / (1 << 11),
        _ => 2e-3,
    };

    /// <param name="open">Makes a device; each check has its own.</param>
    /// <param name="initialize">
    /// Writes the parameters of a model to a device. It is also called for models with some of the recipe's
    /// techniques left out, whose parameters are some of the recipe's.
    /// </param>
    /// <param name="tolerance">Largest difference of a log-likelihood (nats) between two ways to compute the same.</param>
    public static IReadOnlyList<SelfTestCheck> Run(
        Func<IDevice> open, ModelRecipe recipe, Action<IDevice, LanguageModel> initialize, double tolerance = 2e-3)
    {
        var test = new SelfTest(open, recipe, initialize, tolerance);
        return
        [
            test.ZeroMemoryEqualsNone(),
            test.CarriedWindowsEqualOneLongPass(),
            test.RunsMayBeSplitAnywhere(),
            test.ADocumentBeginsWithNothing(),
            test.GenerationEqualsTheFullForward(),
            test.EveryParameterGetsAGradient(),
        ];
    }

    /// <summary>A document's first window has no memory and no past, so a model that never has them must agree.</summary>
    private SelfTestCheck ZeroMemoryEqualsNone()
    {
        // Memory slots move the phase of sparse steps, which is no effect of what they hold.
        var recipe = _recipe with { Step = _recipe.Step with { Every = 1 } };

        // No scheme but this one does without positions; its first window has no past either.
        var xl = recipe.Xl.Scheme == XlScheme.Nope ? recipe.Xl : new() { Scheme = XlScheme.None };
        var without = recipe with { Memory = new() { Tokens = 0 }, Xl = xl };
        return Compare("zero memory equals none", Evaluate(without, 1, 1), Evaluate(recipe, 1, 1));
    }

    /// <summary>Where caches alone link windows and reach back to the beginning, cutting a text changes nothing.</summary>
    private SelfTestCheck CarriedWindowsEqualOneLongPass()
    {
        var cut = _recipe with
        {
            Memory = new() { Tokens = 0 },
            MemTransformer = new(),
            Recurrence = new(),
            Pause = new() { Count = 0 },
            Xl = new() { Scheme = _recipe.Xl.Scheme is XlScheme.LongNoreset or XlScheme.Nope ? _recipe.Xl.Scheme : XlScheme.LongReset },
            Step = _recipe.Step with { Every = 1, Carry = _recipe.Step.Width > 1 },
        };
        return Compare("windows with carried state equal one long pass", Evaluate(cut with { Window = 2 * cut.Window }, 1, 1), Evaluate(cut, 2, 1));
    }

    private SelfTestCheck RunsMayBeSplitAnywhere() =>
        Compare("windows in one step equal windows in several", Evaluate(_recipe, 4, 4), Evaluate(_recipe, 4, 1));

    private SelfTestCheck ADocumentBeginsWithNothing() =>
        Compare("a document begins with nothing of the one before", Evaluate(_recipe, 2, 2), Evaluate(_recipe, 2, 2, leftovers: float.NaN));

    private SelfTestCheck GenerationEqualsTheFullForward()
    {
        var expected = Evaluate(_recipe, 2, 2);
        using var device = _open();
        var model = new LanguageModel(_recipe);
        using var generator = Generator.Create(device, model);
        _initialize(device, model);
        var tokens = Tokens(expected.Length);
        var actual = new float[expected.Length];
        for (var i = 0; i + 1 < tokens.Length; i++)
        {
            generator.Feed(tokens[i]);
            actual[i] = Nll(generator.Logits, tokens[i + 1]);
        }

        return Compare("step-by-step generation equals the full forward", expected, actual);
    }

    private SelfTestCheck EveryParameterGetsAGradient()
    {
        using var device = _open();
        var model = new LanguageModel(_recipe);
        using var program = TrainingProgram.Create(device, model, new TrainRecipe(), 1, 2);
        _initialize(device, model);
        var tokens = Tokens(2 * _recipe.Window);
        program.SetBatch(tokens, Targets(tokens), [0, 1], 0);
        program.Run(new StepSettings(0, double.PositiveInfinity, 1));

        // The moments were zero, so their means now show the gradient.
        var without = model.Parameters.Where(p => !IsTouched(device, AdamW.MeanName(p.Name), p)).Select(p => p.Name).ToArray();
        return new SelfTestCheck(
            "every parameter gets a gradient",
            without.Length == 0,
            without.Length == 0 ? $"{model.Parameters.Count} parameters" : $"none for {string.Join(", ", without)}");
    }

    private static bool IsTouched(IDevice device, string moment, ParameterSpec parameter)
    {
        var values = new float[parameter.Shape.Count];
        device.Read(moment, values);
        return values.AsSpan().ContainsAnyExcept(0f) && Array.TrueForAll(values, float.IsFinite);
    }

    private float[] Evaluate(ModelRecipe recipe, int windows, int windowsPerRun, float? leftovers = null)
    {
        using var device = _open();
        var model = new LanguageModel(recipe);
        using var program = EvaluationProgram.Create(device, model, 1, windowsPerRun);
        _initialize(device, model);
        if (leftovers is { } value)
        {
            foreach (var carry in model.Carry(1, EvaluationProgram.DefaultCarryPrefix))
            {
                var values = new float[carry.Shape.Count];
                Array.Fill(values, value);
                device.Write(carry.Name, values);
            }
        }

        var tokens = Tokens(windows * recipe.Window);
        var targets = Targets(tokens);
        var nll = new float[tokens.Length];
        var size = windowsPerRun * recipe.Window;
        for (var window = 0; window < windows; window += windowsPerRun)
        {
            var run = new Range(window * recipe.Window, window * recipe.Window + size);
            program.SetBatch(tokens.AsSpan(run), targets.AsSpan(run), Enumerable.Range(window, windowsPerRun).ToArray(), (ulong)window);
            program.Run();
            program.CopyNll(nll.AsSpan(run));
        }

        return nll;
    }

    private SelfTestCheck Compare(string name, float[] expected, float[] actual)
    {
        // Max would pass over NaN.
        var worst = expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Aggregate(0f, MathF.Max);
        return new SelfTestCheck(name, worst <= _tolerance, $"largest difference {worst:g2} nats over {expected.Length} tokens");
    }

    private int[] Tokens(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(_recipe.Vocabulary))];
    }

    private static int[] Targets(int[] tokens) => [.. tokens.Skip(1), -1];

    private static float Nll(ReadOnlySpan<float> logits, int target)
    {
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp((double)logit - logits[target]);
        }

        return (float)Math.Log(sum);
    }
}
