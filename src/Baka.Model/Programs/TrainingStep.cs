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
    /// <exception cref="GraphException">A trained parameter does not influence the loss, or shapes do not fit.</exception>
    public TrainingStep(LanguageModel model, TrainRecipe train, int rows, int windows)
    {
        (Model, Optimizer, Rows, Windows) = (model, train.Optimizer, rows, windows);
        RowsPerPass = train.RowsPerPass ?? rows;
        if (rows % RowsPerPass != 0)
        {
            throw new GraphException($"{rows} rows are no multiple of {RowsPerPass} rows a pass");
        }

        Trained = model.Trained(train);
        (Graph, Update) = train.Accumulate == 1 && RowsPerPass == rows ? (WholeStep(), null) : (AccumulationStep(), UpdateStep());
    }

    public LanguageModel Model { get; }

    /// <summary>The parameters that it changes.</summary>
    public IReadOnlyList<ParameterSpec> Trained { get; }

    public OptimizerRecipe Optimizer { get; }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>W.</summary>
    public int Windows { get; }

    /// <summary>Rows computed at a time.</summary>
    public int RowsPerPass { get; }

    internal TensorGraph Graph { get; }

    internal TensorGraph? Update { get; }

    private TensorGraph WholeStep()
    {
        var step = new WindowGraph(Model, Rows, Windows, "carry");
        var loss = step.AddNll(Model).SumAll() * step.Graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        var gradients = Gradients.Of(loss, [.. Trained.Select(p => p.In(step.Graph))]);
        var valid = new AdamW(step.Graph, Optimizer).Update(loss, Trained, gradients);
        step.Carry.Store(valid);
        return step.Graph;
    }

    private TensorGraph AccumulationStep()
    {
        var step = new WindowGraph(Model, RowsPerPass, Windows, "carry");
        var graph = step.Graph;
        var loss = step.AddNll(Model).SumAll();
        var gradients = Gradients.Of(loss, [.. Trained.Select(p => p.In(graph))]);
        using var scope = graph.Backward("accumulate");
        var sums = Sums(graph);
        graph.Assign(sums.Loss, sums.Loss + loss);
        for (var i = 0; i < gradients.Count; i++)
        {
            graph.Assign(sums.Gradients[i], sums.Gradients[i] + gradients[i]);
        }

        step.Carry.Store(loss.IsFinite());
        return graph;
    }

    private TensorGraph UpdateStep()
    {
        var graph = new TensorGraph();
        var sums = Sums(graph);
        var scale = graph.Input("inverse_count", DType.Float32, Shape.Scalar);
        new AdamW(graph, Optimizer).Update(sums.Loss * scale, Trained, sums.Gradients, scale);
        using var scope = graph.Scope("accumulate");
        foreach (var sum in sums.Gradients.Append(sums.Loss))
        {
            graph.Assign(sum, Zeros(graph, sum.Shape));
        }

        return graph;
    }

    private (Tensor Loss, Tensor[] Gradients) Sums(TensorGraph graph) =>
        (graph.State("sum.loss", Shape.Scalar), [.. Trained.Select(p => graph.State($"sum.{p.Name}", p.Shape))]);

    private static Tensor Zeros(TensorGraph graph, Shape shape)
    {
        var ones = new int[shape.Rank];
        Array.Fill(ones, 1);
        return graph.Constant(0).Reshape(new Shape(ones)).BroadcastTo(shape);
    }
}
