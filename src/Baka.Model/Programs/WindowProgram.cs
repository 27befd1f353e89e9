using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Model.Programs;

/// <summary>Runs windows of every row through the model: fills its inputs and reads its results.</summary>
public abstract class WindowProgram : IDisposable
{
    private readonly LanguageModel _model;
    private readonly IProgram _program;
    private readonly WindowInputs _inputs;

    private protected WindowProgram(IDevice device, LanguageModel model, TensorGraph graph, int rows, int windows)
    {
        (_model, Rows, Windows) = (model, rows, windows);
        _program = device.Load(graph);
        _inputs = new WindowInputs(model, _program, graph, rows, windows);
    }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>W: consecutive windows of every row in one run.</summary>
    public int Windows { get; }

    /// <summary>T: tokens of a window.</summary>
    public int Window => _model.Layout.Tokens;

    /// <summary>Predicted tokens of the batch set last.</summary>
    public int PredictedTokens { get; private set; }

    private protected IProgram Program => _program;

    /// <summary>Sets what the next run reads.</summary>
    /// <param name="tokens">[B·W·T], rows outermost, then windows.</param>
    /// <param name="targets">[B·W·T]: the token to predict at each place; −1 = none.</param>
    /// <param name="documentWindow">[B·W]: how many windows of the document lie before; 0 = a document begins here.</param>
    /// <param name="pauseSeed">Decides the places of random pauses.</param>
    /// <exception cref="ArgumentException">A length or a token does not fit.</exception>
    public void SetBatch(ReadOnlySpan<int> tokens, ReadOnlySpan<int> targets, ReadOnlySpan<int> documentWindow, ulong pauseSeed)
    {
        RequireLength(tokens.Length, Rows * Windows * Window, nameof(tokens));
        RequireLength(targets.Length, Rows * Windows * Window, nameof(targets));
        RequireLength(documentWindow.Length, Rows * Windows, nameof(documentWindow));
        RequireRange(tokens, 0, _model.Recipe.Vocabulary, "token");
        RequireRange(targets, -1, _model.Recipe.Vocabulary, "target");
        RequireRange(documentWindow, 0, int.MaxValue, "document window");
        _inputs.Fill(tokens, documentWindow, pauseSeed);
        targets.CopyTo(_program.Ints("targets"));
        PredictedTokens = targets.Length - targets.Count(-1);
    }

    /// <summary>Copies the negative log-likelihood (nats) at each place of the batch, 0 where nothing is predicted.</summary>
    /// <param name="nll">[B·W·T], as the targets.</param>
    public void CopyNll(Span<float> nll) => _program.Output("nll").CopyTo(nll);

    public virtual void Dispose()
    {
        _program.Dispose();
        GC.SuppressFinalize(this);
    }

    private void RequireLength(int length, int expected, string what)
    {
        if (length != expected)
        {
            throw new ArgumentException($"The batch has {length} {what}, but {Rows} rows of {Windows} windows of {Window} tokens need {expected}.");
        }
    }

    private void RequireRange(ReadOnlySpan<int> values, int low, int high, string what)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] < low || values[i] >= high)
            {
                var row = i / (values.Length / Rows);
                throw new ArgumentException($"The {what} {values[i]} in row {row} of the batch (place {i}) is not in {low}…{high - 1}.");
            }
        }
    }
}
