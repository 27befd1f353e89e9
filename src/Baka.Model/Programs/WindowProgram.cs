using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Model.Programs;

/// <summary>Runs windows of every row through the model: fills its inputs and reads its results.</summary>
public abstract class WindowProgram : IDisposable
{
    private readonly LanguageModel _model;
    private readonly IProgram _program;
    private readonly WindowInputs _inputs;
    private readonly int[] _tokens;
    private readonly int[] _targets;
    private readonly int[] _documentWindow;
    private ulong _pauseSeed;

    /// <param name="graph">Over <paramref name="rows"/> / <paramref name="groups"/> rows.</param>
    /// <param name="rows">B, a multiple of the groups.</param>
    /// <param name="groups">Of rows that are computed one after the other.</param>
    private protected WindowProgram(IDevice device, LanguageModel model, TensorGraph graph, int rows, int windows, int groups = 1)
    {
        (_model, Rows, Windows, Groups) = (model, rows, windows, groups);
        _program = device.Load(graph, groups);
        _inputs = new WindowInputs(model, _program, graph, rows / groups, windows);
        _tokens = new int[rows * windows * Window];
        _targets = new int[rows * windows * Window];
        _documentWindow = new int[rows * windows];
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

    private protected int Groups { get; }

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
        tokens.CopyTo(_tokens);
        targets.CopyTo(_targets);
        documentWindow.CopyTo(_documentWindow);
        _pauseSeed = pauseSeed;
        PredictedTokens = targets.Length - targets.Count(-1);
    }

    public virtual void Dispose()
    {
        _program.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs one group of the batch's rows.</summary>
    private protected void RunGroup(int group)
    {
        var windows = Rows / Groups * Windows;
        var first = group * windows;
        _inputs.Fill(_tokens.AsSpan(first * Window, windows * Window), _documentWindow.AsSpan(first, windows), _pauseSeed + (ulong)first);
        _targets.AsSpan(first * Window, windows * Window).CopyTo(_program.Ints("targets"));
        _program.Run(group);
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
