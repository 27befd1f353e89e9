using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Recipes;

namespace Baka.Model.Programs;

/// <summary>
/// The graphs of a training step, for any device: one for all, or one that adds to sums of gradients, run for each group of
/// rows and each batch, and one that updates the parameters by the sums.
/// </summary>
public sealed class TrainingStep
{
    /// <param name="rows">B.</param>
    /// <param name="windows">W.</param>
    /// <exception cref="GraphException">A parameter does not influence the loss, or shapes do not fit.</exception>
    public TrainingStep(LanguageModel model, TrainRecipe train, int rows, int windows)
    {
        (Model, Optimizer, Rows, Windows) = (model, train.Optimizer, rows, windows);
        RowsPerPass = train.RowsPerPass ?? rows;
        if (rows % RowsPerPass != 0)
        {
            throw new GraphException($"{rows} rows are no multiple of {RowsPerPass} rows a pass");
        }

        (Graph, Update) = train.Accumulate == 1 && RowsPerPass == rows
            ? (WholeStep(model, train.Optimizer, rows, windows), null)
            : (AccumulationStep(model, RowsPerPass, windows), UpdateStep(model, train.Optimizer));
    }

    public LanguageModel Model { get; }

    public OptimizerRecipe Optimizer { get; }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>W.</summary>
    public int Windows { get; }

    /// <summary>Rows computed at a time.</summary>
    public int RowsPerPass { get; }

    internal TensorGraph Graph { get; }

    internal TensorGraph? Update { get; }

    private static TensorGraph WholeStep(LanguageModel model, OptimizerRecipe optimizer, int rows, int windows)
    {
        var step = new WindowGraph(model, rows, windows, "carry");
        var loss = step.AddNll(model).SumAll() * step.Graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        var gradients = Gradients.Of(loss, [.. model.Parameters.Select(p => p.In(step.Graph))]);
        var valid = new AdamW(step.Graph, optimizer).Update(loss, model.Parameters, gradients);
        step.Carry.Store(valid);
        return step.Graph;
    }

    private static TensorGraph AccumulationStep(LanguageModel model, int rows, int windows)
    {
        var step = new WindowGraph(model, rows, windows, "carry");
        var graph = step.Graph;
        var loss = step.AddNll(model).SumAll();
        var gradients = Gradients.Of(loss, [.. model.Parameters.Select(p => p.In(graph))]);
        using var scope = graph.Backward("accumulate");
        var sums = Sums(graph, model);
        graph.Assign(sums.Loss, sums.Loss + loss);
        for (var i = 0; i < gradients.Count; i++)
        {
            graph.Assign(sums.Gradients[i], sums.Gradients[i] + gradients[i]);
        }

        step.Carry.Store(loss.IsFinite());
        return graph;
    }

    private static TensorGraph UpdateStep(LanguageModel model, OptimizerRecipe optimizer)
    {
        var graph = new TensorGraph();
        var sums = Sums(graph, model);
        var scale = graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        new AdamW(graph, optimizer).Update(sums.Loss * scale, model.Parameters, sums.Gradients, scale);
        using var scope = graph.Scope("accumulate");
        foreach (var sum in sums.Gradients.Append(sums.Loss))
        {
            graph.Assign(sum, Zeros(graph, sum.Shape));
        }

        return graph;
    }

    private static (Tensor Loss, Tensor[] Gradients) Sums(TensorGraph graph, LanguageModel model) =>
        (graph.State("sum.loss", Shape.Scalar), [.. model.Parameters.Select(p => graph.State($"sum.{p.Name}", p.Shape))]);

    private static Tensor Zeros(TensorGraph graph, Shape shape)
    {
        var ones = new int[shape.Rank];
        Array.Fill(ones, 1);
        return graph.Constant(0).Reshape(new Shape(ones)).BroadcastTo(shape);
    }
}
