using Baka.Graph;
using Baka.Model.Modules;

namespace Baka.Model.Passes;

/// <summary>Whole windows: one of every row, or all windows of a step side by side where nothing but caches links them.</summary>
/// <param name="index">Which pass of the graph this is; its inputs are named <c>tokens.{index}</c> and so on.</param>
internal sealed class WindowPass(int index, int windows) : Pass
{
    public override CarryState Running => Carry;

    public override int Windows => windows;

    public override int Slots => Layout.Slots;

    public override (int Start, int Count) MemSlots => (Layout.Memory, Layout.Mem);

    public override Tensor Last => Graph.Constant(Layout.LastVisible());

    public override Tensor Position => Graph.Constant(Layout.Positions());

    /// <summary>i32 [B · windows · body]: token ids, −1 for a pause.</summary>
    public Tensor Tokens => Input("tokens", DType.Int32, Rows * Windows * Layout.Body);

    /// <summary>i32 [B · windows · T]: the rows of the tokens among the slots of the pass.</summary>
    public Tensor Picked => Input("picked", DType.Int32, Rows * Windows * Layout.Tokens);

    /// <summary>What caches hold in front of the pass's slots and these, for layers above: by the carried state.</summary>
    public Dictionary<Carried, Tensor> Streams { get; } = [];

    protected override string InputName(string name) => $"{name}.{index}";
}
