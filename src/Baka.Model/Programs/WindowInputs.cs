using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Model.Programs;

/// <summary>Fills those inputs of a program that describe windows: tokens and pauses, what of the past exists.</summary>
internal sealed class WindowInputs
{
    private readonly LanguageModel _model;
    private readonly IProgram _program;
    private readonly int _rows;
    private readonly int _windows;
    private readonly int _perPass;
    private readonly PassInputs[] _passes;

    public WindowInputs(LanguageModel model, IProgram program, TensorGraph graph, int rows, int windows)
    {
        (_model, _program, _rows, _windows) = (model, program, rows, windows);
        _perPass = model.IsSequential ? 1 : windows;
        _passes = [.. Enumerable.Range(0, windows / _perPass).Select(i => new PassInputs(i, graph, new TurnInputs(model, program, graph, $".{i}")))];
        foreach (var pass in _passes)
        {
            pass.Turns.FillSlots(0, model.Layout.Slots);
        }
    }

    /// <param name="tokens">[B·W·T].</param>
    /// <param name="documentWindow">[B·W].</param>
    public void Fill(ReadOnlySpan<int> tokens, ReadOnlySpan<int> documentWindow, ulong pauseSeed)
    {
        var layout = _model.Layout;
        Span<int> pauses = stackalloc int[layout.Pauses];
        for (var row = 0; row < _rows; row++)
        {
            for (var window = 0; window < _windows; window++)
            {
                var at = row * _windows + window;
                var pass = _passes[window / _perPass];
                var inPass = row * _perPass + window % _perPass;
                layout.PlacePauses(pauseSeed + (ulong)at, pauses);
                layout.FillBody(
                    tokens.Slice(at * layout.Tokens, layout.Tokens),
                    pauses,
                    _program.Ints(pass.Tokens).Slice(inPass * layout.Body, layout.Body));
                pass.Turns.FillWindow(inPass, documentWindow[at]);
                FillOptional(pass, inPass, pauses, documentWindow[at]);
            }
        }
    }

    private void FillOptional(PassInputs pass, int window, ReadOnlySpan<int> pauses, int documentWindow)
    {
        var layout = _model.Layout;
        if (pass.First is not null)
        {
            _program.Ints(pass.First)[window] = layout.FirstVisible(documentWindow);
        }

        if (pass.Picked is not null)
        {
            layout.TokenRows(pauses, window, _program.Ints(pass.Picked).Slice(window * layout.Tokens, layout.Tokens));
        }

        if (pass.Absent is not null)
        {
            _program.Ints(pass.Absent)[window] = layout.Absent(documentWindow);
        }

        if (pass.Fresh is not null)
        {
            _program.Floats(pass.Fresh)[window] = documentWindow == 0 ? 1 : 0;
        }

        if (pass.Reach is not null)
        {
            var reach = _program.Floats(pass.Reach).Slice(window * layout.Slots, layout.Slots);
            for (var slot = 0; slot < reach.Length; slot++)
            {
                reach[slot] = _model.StepReaches(slot, documentWindow == 0) ? 1 : 0;
            }
        }
    }

    /// <summary>Names of a pass's inputs; <c>null</c> where the graph has none.</summary>
    private sealed class PassInputs(int index, TensorGraph graph, TurnInputs turns)
    {
        public TurnInputs Turns { get; } = turns;

        public string Tokens { get; } = $"tokens.{index}";

        public string? First { get; } = Known(graph, $"first.{index}");

        public string? Picked { get; } = Known(graph, $"picked.{index}");

        public string? Absent { get; } = Known(graph, $"absent.{index}");

        public string? Fresh { get; } = Known(graph, $"fresh.{index}");

        public string? Reach { get; } = Known(graph, $"reach.{index}");

        private static string? Known(TensorGraph graph, string name) => graph.Inputs.ContainsKey(name) ? name : null;
    }
}
