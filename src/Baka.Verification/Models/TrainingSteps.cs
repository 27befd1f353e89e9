using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Verification.Models;

/// <summary>Two training steps of a model and an evaluation, and all that can be seen of them.</summary>
internal static class TrainingSteps
{
    private const int Steps = 2;
    private const double LearningRate = 1e-2;
    private const double ClipNorm = 0.5;

    // As large as gradients are, so that the sign of a tiny one, which rounding decides, is not what moves a parameter.
    private static readonly OptimizerRecipe Optimizer = new() { Epsilon = 1e-2 };

    /// <param name="windows">W, at least 2.</param>
    /// <param name="rowsPerPass">Of two rows; null for both at once.</param>
    /// <param name="only">The parts to be trained; null for all.</param>
    public static IReadOnlyList<Measured> Run(IDevice device, ModelRecipe recipe, int windows, int? rowsPerPass = null, ValueList<string>? only = null)
    {
        const int Rows = 2;
        var model = new LanguageModel(recipe);
        var train = new TrainRecipe { Batch = Rows, RowsPerPass = rowsPerPass, Only = only, Optimizer = Optimizer };
        using var program = TrainingProgram.Create(device, model, train, Rows, windows);
        ModelCases.Initialize(device, model);
        var seen = new List<Measured>();
        var size = Rows * windows * recipe.Window;
        for (var step = 0; step < Steps; step++)
        {
            var tokens = ModelCases.Tokens(size, recipe.Vocabulary, seed: 3 + step);

            // The second row begins another document in the middle of the step.
            int[] documentWindow = [.. Enumerable.Range(step * windows, windows), step, .. Enumerable.Range(0, windows - 1)];
            program.SetBatch(tokens, ModelCases.Targets(tokens), documentWindow, pauseSeed: 5);
            var result = program.Run(new StepSettings(LearningRate, ClipNorm, step + 1));
            seen.Add(new Measured($"loss {step}", [result.Loss]));
            seen.Add(new Measured($"gradient norm {step}", [result.GradientNorm]));
            seen.Add(new Measured($"step {step} is valid", [result.Skipped ? 0 : 1], IsWide: true));
        }

        string[] optimized = [.. model.Parameters.Select(p => p.Name), .. program.OptimizerVariables];
        seen.AddRange(optimized.Select(name => Read(device, name, isWide: true)));
        seen.AddRange(model.Carry(Rows).Select(carry => Read(device, carry.Name, isWide: false)));
        seen.Add(new Measured("nll", Evaluate(device, model, windows)));
        return seen;
    }

    /// <summary>With the parameters that the steps have left.</summary>
    private static float[] Evaluate(IDevice device, LanguageModel model, int windows)
    {
        using var program = EvaluationProgram.Create(device, model, rows: 1, windows);
        var tokens = ModelCases.Tokens(windows * model.Recipe.Window, model.Recipe.Vocabulary, seed: 9);
        program.SetBatch(tokens, ModelCases.Targets(tokens), [.. Enumerable.Range(0, windows)], pauseSeed: 5);
        program.Run();
        var nll = new float[tokens.Length];
        program.CopyNll(nll);
        return nll;
    }

    private static Measured Read(IDevice device, string name, bool isWide)
    {
        var values = new float[device.Variables[name].Count];
        device.Read(name, values);
        return new Measured(name, values, isWide);
    }
}
