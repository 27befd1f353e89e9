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
        $"step {evaluation.Step}  {evaluation.Split}: loss {Figures.Loss(evaluation.Loss)}, perplexity {Figures.Short(evaluation.Perplexity)}, {Quality(evaluation)}";

    /// <param name="all">Numbers that the model learns.</param>
    /// <param name="trained">Those of them that are trained.</param>
    public static string Parameters(Recipe recipe, long all, long trained) => recipe.Train.Only is { } parts
        ? $"{Figures.Count(all)} parameters, of which {Figures.Count(trained)} are trained: {string.Join(", ", parts)}"
        : $"{Figures.Count(all)} parameters";

    /// <summary>What counts besides the loss: of a text the bits for its bytes, of a task how often it was done.</summary>
    public static string Quality(in EvaluationMetrics evaluation) => IsOfTask(evaluation)
        ? $"{Figures.Percent(evaluation.Accuracy)} of answer tokens right, {Figures.Percent(evaluation.ExactMatch)} of documents"
        : $"{Figures.Loss(evaluation.BitsPerByte)} bits per byte";

    /// <summary>A task has no text, and so no bytes.</summary>
    public static bool IsOfTask(in EvaluationMetrics evaluation) => double.IsNaN(evaluation.BitsPerByte);

    private static string Describe(TextSize? size) =>
        size is { } known ? $"{Figures.Count(known.Documents)} documents, {Figures.Count(known.Tokens)} tokens" : "documents without end";
}
