using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>State that goes on from slot to slot, through a window and into the next.</summary>
internal sealed class RunningState : Module
{
    private readonly Carried _state;

    public RunningState(string name, string what, params ReadOnlySpan<int> perRow)
        : base(name) => _state = Carry(what, perRow);

    /// <summary>[B, ..].</summary>
    public Tensor this[Pass pass]
    {
        get => pass.Running[_state];
        set => pass.Running[_state] = value;
    }

    public override void OpenWindow(SlotPass pass) => pass.Window[_state] = pass.Carry[_state];

    public override void CloseWindow(SlotPass pass) => pass.Carry[_state] = pass.Window[_state];
}
