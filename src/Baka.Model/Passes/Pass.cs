using Baka.Graph;

namespace Baka.Model.Passes;

/// <summary>
/// One passage of slots through all layers. Activations are rows [N, d] with N = rows · windows · slots in that order.
/// </summary>
internal abstract class Pass
{
    /// <summary>With what names of inputs that hold angles begin; their number of pairs follows.</summary>
    public const string WindowTurnName = "window_turn.";

    /// <summary>Likewise.</summary>
    public const string SlotTurnName = "slot_turn.";

    private readonly Dictionary<string, Tensor> _inputs = [];

    public required TensorGraph Graph { get; init; }

    public required SlotLayout Layout { get; init; }

    /// <summary>What is handed on to the next window.</summary>
    public required CarryState Carry { get; init; }

    /// <summary>What goes on from slot to slot: of the windows carried, or of the unfinished window.</summary>
    public abstract CarryState Running { get; }

    /// <summary>B.</summary>
    public required int Rows { get; init; }

    /// <summary>Windows of every row that go through the layers side by side.</summary>
    public abstract int Windows { get; }

    /// <summary>Slots of every window in this pass.</summary>
    public abstract int Slots { get; }

    /// <summary>Which of the pass's slots are [mem] slots.</summary>
    public abstract (int Start, int Count) MemSlots { get; }

    /// <summary>i32 [B · windows]: slots of each window's beginning that do not exist.</summary>
    public Tensor Absent => Input("absent", DType.Int32, Rows * Windows);

    /// <summary>i32 [B · windows]: first visible key of each window.</summary>
    public Tensor First => Input("first", DType.Int32, Rows * Windows);

    /// <summary>i32 [slots]: last visible key of each query.</summary>
    public abstract Tensor Last { get; }

    /// <summary>i32 [slots]: rotary position of each query.</summary>
    public abstract Tensor Position { get; }

    /// <summary>[B, windows]: 1 where a document begins with the window.</summary>
    public Tensor Fresh => Input("fresh", DType.Float32, Rows * Windows).Reshape(Rows, Windows);

    /// <summary>[B · windows · slots]: 1 where StepForward has all of its inputs within the document.</summary>
    public Tensor Reach => Input("reach", DType.Float32, Rows * Windows * Slots);

    /// <summary>[B · windows, 2 · pairs]: cosines, then sines of the angles of each window's <see cref="SlotLayout.Offset"/>.</summary>
    public Tensor WindowTurn(int pairs) => Input($"{WindowTurnName}{pairs}", DType.Float32, Rows * Windows, 2 * pairs);

    /// <summary>[slots, 2 · pairs]: the same of the slots' places in their window.</summary>
    public Tensor SlotTurn(int pairs) => Input($"{SlotTurnName}{pairs}", DType.Float32, Slots, 2 * pairs);

    /// <summary>
    /// [B, windows · slots]: 1 where no slot of the document lies before. It begins behind the read block of its first
    /// window, whose slots do not exist.
    /// </summary>
    public Tensor Begins
    {
        get
        {
            var early = Position.ToFloat().Less(Layout.Before + Layout.Memory + 1);
            return (Fresh.Reshape(Rows, Windows, 1) * early).Reshape(Rows, Windows * Slots);
        }
    }

    /// <summary>x [N, d] → [B, windows · slots, d].</summary>
    public Tensor ByRow(Tensor x) => x.Reshape(Rows, Windows * Slots, x.Shape[-1]);

    /// <summary>x [N, d] → [B, windows, slots, d].</summary>
    public Tensor ByWindow(Tensor x) => x.Reshape(Rows, Windows, Slots, x.Shape[-1]);

    /// <summary>An input of this pass, declared when something first asks for it.</summary>
    protected Tensor Input(string name, DType type, params ReadOnlySpan<int> extents)
    {
        if (!_inputs.TryGetValue(name, out var input))
        {
            _inputs[name] = input = Graph.Input(InputName(name), type, new Shape(extents));
        }

        return input;
    }

    protected abstract string InputName(string name);
}
