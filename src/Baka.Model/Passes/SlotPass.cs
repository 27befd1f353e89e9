using Baka.Graph;

namespace Baka.Model.Passes;

/// <summary>
/// The next few slots of one window of one row, after those before them have left what is needed in the window's
/// state. The places of the slots are inputs.
/// </summary>
/// <param name="isLead">Whether they are those in front of the body.</param>
internal sealed class SlotPass(int slots, bool isLead) : Pass
{
    public override CarryState Running => Window;

    public override int Windows => 1;

    public override int Slots => slots;

    public override (int Start, int Count) MemSlots => isLead ? (Layout.Memory, Layout.Mem) : (0, 0);

    /// <summary>i32 [slots]: places in the window.</summary>
    public Tensor Slot => Input("slot", DType.Int32, Slots);

    public override Tensor Last => Input("last", DType.Int32, Slots);

    public override Tensor Position => Input("position", DType.Int32, Slots);

    /// <summary>i32 [1]: a token id, or −1 for a pause.</summary>
    public Tensor Tokens => Input("tokens", DType.Int32, Slots);

    /// <summary>What the slots of the unfinished window have left so far.</summary>
    public required CarryState Window { get; init; }

    protected override string InputName(string name) => name;
}
