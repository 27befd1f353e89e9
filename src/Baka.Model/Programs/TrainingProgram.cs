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

    private TrainingProgram(IDevice device, LanguageModel model, TrainRecipe train, TensorGraph graph, TensorGraph? update, int rows, int windows, int groups)
        : base(device, model, graph, rows, windows, groups)
    {
        _optimizer = train.Optimizer;
        _update = update is null ? null : device.Load(update);
        OptimizerVariables = [.. model.Trained(train).SelectMany(p => new[] { AdamW.MeanName(p.Name), AdamW.SquareName(p.Name) })];
    }

    /// <summary>Names of the state variables that hold the optimizer's moments: <c>adam.m.*</c> and <c>adam.v.*</c>.</summary>
    public IReadOnlyList<string> OptimizerVariables { get; }

    /// <summary>Whether <see cref="Accumulate"/> may come before <see cref="Run"/>: gradients are summed before an update.</summary>
    public bool Accumulates => _update is not null;

    /// <param name="rows">B.</param>
    /// <param name="windows">W.</param>
    /// <exception cref="GraphException">A trained parameter does not influence the loss, or shapes do not fit.</exception>
    public static TrainingProgram Create(IDevice device, LanguageModel model, TrainRecipe train, int rows, int windows)
    {
        var rowsPerPass = train.RowsPerPass ?? rows;
        if (rows % rowsPerPass != 0)
        {
            throw new GraphException($"{rows} rows are no multiple of {rowsPerPass} rows a pass");
        }

        var trained = model.Trained(train);
        var (graph, update) = train.Accumulate == 1 && rowsPerPass == rows
            ? (WholeStep(model, trained, train.Optimizer, rows, windows), null)
            : (AccumulationStep(model, trained, rowsPerPass, windows), UpdateStep(trained, train.Optimizer));
        return new TrainingProgram(device, model, train, graph, update, rows, windows, rows / rowsPerPass);
    }

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

    private static TensorGraph WholeStep(LanguageModel model, IReadOnlyList<ParameterSpec> trained, OptimizerRecipe optimizer, int rows, int windows)
    {
        var step = new WindowGraph(model, rows, windows, "carry");
        var loss = step.AddNll(model).SumAll() * step.Graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        var gradients = Gradients.Of(loss, [.. trained.Select(p => p.In(step.Graph))]);
        var valid = new AdamW(step.Graph, optimizer).Update(loss, trained, gradients);
        step.Carry.Store(valid);
        return step.Graph;
    }

    private static TensorGraph AccumulationStep(LanguageModel model, IReadOnlyList<ParameterSpec> trained, int rows, int windows)
    {
        var step = new WindowGraph(model, rows, windows, "carry");
        var graph = step.Graph;
        var loss = step.AddNll(model).SumAll();
        var gradients = Gradients.Of(loss, [.. trained.Select(p => p.In(graph))]);
        using var scope = graph.Backward("accumulate");
        var sums = Sums(graph, trained);
        graph.Assign(sums.Loss, sums.Loss + loss);
        for (var i = 0; i < gradients.Count; i++)
        {
            graph.Assign(sums.Gradients[i], sums.Gradients[i] + gradients[i]);
        }

        step.Carry.Store(loss.IsFinite());
        return graph;
    }

    private static TensorGraph UpdateStep(IReadOnlyList<ParameterSpec> trained, OptimizerRecipe optimizer)
    {
        var graph = new TensorGraph();
        var sums = Sums(graph, trained);
        var scale = graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        new AdamW(graph, optimizer).Update(sums.Loss * scale, trained, sums.Gradients, scale);
        using var scope = graph.Scope("accumulate");
        foreach (var sum in sums.Gradients.Append(sums.Loss))
        {
            graph.Assign(sum, Zeros(graph, sum.Shape));
        }

        return graph;
    }

    private static (Tensor Loss, Tensor[] Gradients) Sums(TensorGraph graph, IReadOnlyList<ParameterSpec> trained) =>
        (graph.State("sum.loss", Shape.Scalar), [.. trained.Select(p => graph.State($"sum.{p.Name}", p.Shape))]);

    private static Tensor Zeros(TensorGraph graph, Shape shape)
    {
        var ones = new int[shape.Rank];
        Array.Fill(ones, 1);
        return graph.Constant(0).Reshape(new Shape(ones)).BroadcastTo(shape);
    }
}
