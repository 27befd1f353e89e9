using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Runs;

namespace Baka.Cli.Training;

/// <summary>A run in words.</summary>
internal static class TrainText
{
    public static string Describe(RunPlan plan) =>
        $"{(plan.FirstStep > 0 ? $"Resuming {plan.Recipe.Name} at step {plan.FirstStep}" : $"Training {plan.Recipe.Name}")}: {Parameters(plan.Recipe, plan.Parameters, plan.Trained)}\n"
        + $"on {plan.Data}: {Describe(plan.Training)}; validated on {Describe(plan.Validation)}\n"
        + $"in {ProgramName.Argument(plan.Folder)}";

    public static string Describe(in EvaluationMetrics evaluation) =>
        $"step {evaluation.Step}  {evaluation.Split}: loss {Figures.Loss(evaluation.Loss)}, perplexity {Figures.Short(evaluation.Perplexity)}, "
        + $"{Figures.Loss(evaluation.BitsPerByte)} bits per byte";

    /// <param name="all">Numbers that the model learns.</param>
    /// <param name="trained">Those of them that are trained.</param>
    public static string Parameters(Recipe recipe, long all, long trained) => recipe.Train.Only is { } parts
        ? $"{Figures.Count(all)} parameters, of which {Figures.Count(trained)} are trained: {string.Join(", ", parts)}"
        : $"{Figures.Count(all)} parameters";

    private static string Describe(TextSize size) =>
        $"{Figures.Count(size.Documents)} documents, {Figures.Count(size.Tokens)} tokens";
}
