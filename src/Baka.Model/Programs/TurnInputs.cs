using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Passes;

namespace Baka.Model.Programs;

/// <summary>Fills the inputs of a pass that hold the cosines and sines of rotary angles, if its graph has any.</summary>
/// <param name="suffix">With what the names of the pass's inputs end.</param>
internal sealed class TurnInputs(LanguageModel model, IProgram program, TensorGraph graph, string suffix = "")
{
    private readonly string[] _windows = Names(graph, Pass.WindowTurnName, suffix);
    private readonly string[] _slots = Names(graph, Pass.SlotTurnName, suffix);

    /// <summary>For one of the pass's windows, with so many windows of its document before it.</summary>
    public void FillWindow(int window, int documentWindow)
    {
        foreach (var name in _windows)
        {
            Fill(name, window, model.Layout.Offset(documentWindow));
        }
    }

    /// <summary>For slots of a window from <paramref name="first"/> on.</summary>
    public void FillSlots(int first, int count)
    {
        foreach (var name in _slots)
        {
            for (var i = 0; i < count; i++)
            {
                Fill(name, i, first + i);
            }
        }
    }

    private static string[] Names(TensorGraph graph, string prefix, string suffix) =>
        [.. graph.Inputs.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal))];

    /// <summary>A place further, pair i of a head is turned by θ^(−i / pairs) radians.</summary>
    private void Fill(string name, int row, long position)
    {
        var width = graph.Inputs[name].Shape[1];
        var turn = program.Floats(name).Slice(row * width, width);
        var pairs = width / 2;
        for (var i = 0; i < pairs; i++)
        {
            var (sin, cos) = Math.SinCos(position * Math.Pow(model.Recipe.Rope.Theta, -(double)i / pairs));
            (turn[i], turn[pairs + i]) = ((float)cos, (float)sin);
        }
    }
}
