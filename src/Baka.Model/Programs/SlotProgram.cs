using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Passes;

namespace Baka.Model.Programs;

/// <summary>A program over the next few slots of one window of one row.</summary>
internal sealed class SlotProgram : IDisposable
{
    private readonly LanguageModel _model;
    private readonly IProgram _program;
    private readonly int[] _last;
    private readonly int _slots;
    private readonly bool _attends;
    private readonly bool _hasPosition;
    private readonly bool _hasSlot;
    private readonly bool _hasAbsent;
    private readonly bool _hasFresh;
    private readonly bool _hasReach;
    private readonly TurnInputs _turns;

    /// <param name="isLead">Whether the slots are those in front of the body.</param>
    /// <param name="build">Builds what the program does with its pass.</param>
    public SlotProgram(IDevice device, LanguageModel model, string prefix, int slots, bool isLead, Action<SlotPass> build)
    {
        var graph = new TensorGraph();
        build(new SlotPass(slots, isLead)
        {
            Graph = graph,
            Layout = model.Layout,
            Rows = 1,
            Carry = new CarryState(graph, $"{prefix}.carry", 1),
            Window = new CarryState(graph, $"{prefix}.window", 1),
        });
        (_model, _slots) = (model, slots);
        _last = model.Layout.LastVisible();
        _attends = graph.Inputs.ContainsKey("first");
        _hasPosition = graph.Inputs.ContainsKey("position");
        _hasSlot = graph.Inputs.ContainsKey("slot");
        _hasAbsent = graph.Inputs.ContainsKey("absent");
        _hasFresh = graph.Inputs.ContainsKey("fresh");
        _hasReach = graph.Inputs.ContainsKey("reach");
        _program = device.Load(graph);
        _turns = new TurnInputs(model, _program, graph);
    }

    public ReadOnlySpan<float> Output(string name) => _program.Output(name);

    /// <summary>Runs one token, or −1 for a pause.</summary>
    public void Run(int token, int slot, int documentWindow)
    {
        _program.Ints("tokens")[0] = token;
        Run(slot, documentWindow);
    }

    /// <summary>Runs the slots of a window from <paramref name="slot"/> on.</summary>
    public void Run(int slot, int documentWindow)
    {
        if (_attends)
        {
            _program.Ints("first")[0] = _model.Layout.FirstVisible(documentWindow);
            _last.AsSpan(slot, _slots).CopyTo(_program.Ints("last"));
        }

        if (_hasPosition)
        {
            var position = _program.Ints("position");
            for (var i = 0; i < _slots; i++)
            {
                position[i] = _model.Layout.Before + slot + i;
            }
        }

        if (_hasSlot)
        {
            var places = _program.Ints("slot");
            for (var i = 0; i < _slots; i++)
            {
                places[i] = slot + i;
            }
        }

        if (_hasAbsent)
        {
            _program.Ints("absent")[0] = _model.Layout.Absent(documentWindow);
        }

        _turns.FillWindow(0, documentWindow);
        _turns.FillSlots(slot, _slots);
        if (_hasFresh)
        {
            _program.Floats("fresh")[0] = documentWindow == 0 ? 1 : 0;
        }

        if (_hasReach)
        {
            var reach = _program.Floats("reach");
            for (var i = 0; i < _slots; i++)
            {
                reach[i] = _model.StepReaches(slot + i, documentWindow == 0) ? 1 : 0;
            }
        }

        _program.Run();
    }

    public void Dispose() => _program.Dispose();
}
