using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Recipes;

namespace Baka.Model.Programs;

/// <summary>
/// Forward, backward, clipping and AdamW in place, with state carried from step to step. Gradients flow through all
/// windows of a step. The gradients of groups of rows, or of several batches, are summed on the device before an update.
/// </summary>
public sealed class TrainingProgram : WindowProgram
{
    private readonly OptimizerRecipe _optimizer;
    private readonly IProgram? _update;
    private int _accumulated;

    public TrainingProgram(IDevice device, TrainingStep step)
        : base(device, step.Model, step.Graph, step.Rows, step.Windows, step.Rows / step.RowsPerPass)
    {
        _optimizer = step.Optimizer;
        _update = step.Update is { } update ? device.Load(update) : null;
        OptimizerVariables = [.. step.Trained.SelectMany(p => new[] { AdamW.MeanName(p.Name), AdamW.SquareName(p.Name) })];
    }

    /// <summary>Names of the state variables that hold the optimizer's moments: <c>adam.m.*</c> and <c>adam.v.*</c>.</summary>
    public IReadOnlyList<string> OptimizerVariables { get; }

    /// <summary>Whether <see cref="Accumulate"/> may come before <see cref="Run"/>: gradients are summed before an update.</summary>
    public bool Accumulates => _update is not null;

    /// <param name="rows">B.</param>
    /// <param name="windows">W.</param>
    /// <exception cref="GraphException">A trained parameter does not influence the loss, or shapes do not fit.</exception>
    public static TrainingProgram Create(IDevice device, LanguageModel model, TrainRecipe train, int rows, int windows) =>
        new(device, new TrainingStep(model, train, rows, windows));

    /// <summary>Adds the gradient of the batch to what the next <see cref="Run"/> will use.</summary>
    public void Accumulate()
    {
        if (!Accumulates)
        {
            throw new InvalidOperationException("Gradients can only be accumulated where an update follows several passes.");
        }

        for (var group = 0; group < Groups; group++)
        {
            RunGroup(group);
        }

        _accumulated += PredictedTokens;
    }

    /// <summary>Updates the parameters by the gradient of the batch and of all batches accumulated since the last update.</summary>
    public StepResult Run(StepSettings settings)
    {
        if (Accumulates)
        {
            Accumulate();
        }

        var tokens = Accumulates ? _accumulated : PredictedTokens;
        var program = _update ?? Program;
        program.Floats("inverse_count")[0] = tokens == 0 ? 0 : 1f / tokens;
        program.Floats("learning_rate")[0] = (float)settings.LearningRate;
        program.Floats("clip")[0] = (float)settings.ClipNorm;
        program.Ints(InputNames.RoundingSeed)[0] = settings.OptimizerStep;
        program.Floats("mean_correction")[0] = (float)(1 / (1 - Math.Pow(_optimizer.Beta1, settings.OptimizerStep)));
        program.Floats("square_correction")[0] = (float)(1 / (1 - Math.Pow(_optimizer.Beta2, settings.OptimizerStep)));
        if (_update is null)
        {
            RunGroup(0);
        }
        else
        {
            _update.Run();
        }

        _accumulated = 0;
        return new StepResult(program.Output("loss")[0], program.Output("gradient_norm")[0], program.Output("valid")[0] == 0, tokens);
    }

    public override void Dispose()
    {
        _update?.Dispose();
        base.Dispose();
    }
}
