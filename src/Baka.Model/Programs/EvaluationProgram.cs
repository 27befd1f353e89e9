using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Model.Programs;

/// <summary>Forward only: how well windows are predicted, with state carried from run to run.</summary>
public sealed class EvaluationProgram : WindowProgram
{
    /// <summary>Not that of training: evaluating must leave no trace there.</summary>
    public const string DefaultCarryPrefix = "evaluation.carry";

    private EvaluationProgram(IDevice device, LanguageModel model, TensorGraph graph, int rows, int windows)
        : base(device, model, graph, rows, windows)
    {
    }

    /// <param name="rows">B.</param>
    /// <param name="windows">W.</param>
    /// <param name="carryPrefix">Of the names of the carried variables.</param>
    public static EvaluationProgram Create(IDevice device, LanguageModel model, int rows, int windows, string carryPrefix = DefaultCarryPrefix)
    {
        var graph = new WindowGraph(model, rows, windows, carryPrefix);
        graph.AddScores(model);
        graph.Carry.Store();
        return new EvaluationProgram(device, model, graph.Graph, rows, windows);
    }

    /// <summary>Evaluates the batch; what it leaves is carried into the next run.</summary>
    public void Run() => RunGroup(0);

    /// <summary>Copies the negative log-likelihood (nats) at each place of the batch, 0 where nothing is predicted.</summary>
    /// <param name="nll">[B·W·T], as the targets.</param>
    public void CopyNll(Span<float> nll) => Program.Output("nll").CopyTo(nll);

    /// <summary>Copies 1 for each place of the batch whose target has the largest logit, else 0.</summary>
    /// <param name="correct">[B·W·T], as the targets.</param>
    public void CopyCorrect(Span<float> correct) => Program.Output("correct").CopyTo(correct);
}
