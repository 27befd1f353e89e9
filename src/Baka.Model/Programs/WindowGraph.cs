using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Programs;

/// <summary>The forward graph of some windows of every row, to which training adds the backward part.</summary>
internal sealed class WindowGraph
{
    /// <param name="carryPrefix">Of the names of the carried variables.</param>
    public WindowGraph(LanguageModel model, int rows, int windows, string carryPrefix)
    {
        Graph = new TensorGraph();
        Carry = new CarryState(Graph, carryPrefix, rows);
        var side = model.IsSequential ? 1 : windows;
        Passes = [.. Enumerable.Range(0, windows / side).Select(i => new WindowPass(i, side)
        {
            Graph = Graph,
            Layout = model.Layout,
            Carry = Carry,
            Rows = rows,
        })];

        // One product with the vocabulary for all windows; rows, then windows, then tokens, as in the batch.
        Hidden = Tensor.Concat(1, [.. Passes.Select(model.Hidden)]).Flatten();
    }

    public TensorGraph Graph { get; }

    public CarryState Carry { get; }

    public IReadOnlyList<WindowPass> Passes { get; }

    /// <summary>The last layer's output at the tokens: [B·W·T, its width].</summary>
    public Tensor Hidden { get; }

    /// <summary>The negative log-likelihoods of the input <c>targets</c>: [B·W·T], also an output.</summary>
    public Tensor AddNll(LanguageModel model)
    {
        var nll = Score(model).Nll;
        Graph.Output("nll", nll);
        return nll;
    }

    /// <summary>Outputs <c>nll</c> and <c>correct</c>: 1 where the input <c>targets</c> has the largest logit.</summary>
    public void AddScores(LanguageModel model)
    {
        var (nll, correct) = Score(model);
        Graph.Output("nll", nll);
        Graph.Output("correct", correct);
    }

    private (Tensor Nll, Tensor Correct) Score(LanguageModel model) =>
        model.Score(Hidden, Graph.Input("targets", DType.Int32, new Shape(Hidden.Shape[0])));
}
