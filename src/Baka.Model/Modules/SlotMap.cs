using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>A map of slots, and with a controller (MemCtrl) another one of its kind for [mem] slots.</summary>
internal sealed class SlotMap<T> : Module
    where T : Module
{
    private readonly T _usual;
    private readonly T? _ofMem;

    /// <param name="ofMem">That of [mem] slots; null = the same.</param>
    public SlotMap(string name, T usual, T? ofMem)
        : base(name)
    {
        _usual = Part(usual);
        _ofMem = ofMem is null ? null : Part(ofMem);
    }

    /// <summary>x [N, d] → [N, width].</summary>
    public Tensor Apply(Tensor x, Pass pass, Func<T, Tensor, Tensor> map)
    {
        var (before, count) = (pass.MemSlots.Start, pass.MemSlots.Count);
        if (_ofMem is null || count == 0)
        {
            return map(_usual, x);
        }

        var slots = pass.ByWindow(x);
        var behind = pass.Slots - before - count;
        var mem = Windows(map(_ofMem, slots.Slice(2, before, count).Flatten()), count);
        if (before + behind == 0)
        {
            return mem.Flatten();
        }

        Tensor?[] others = [before == 0 ? null : slots.Slice(2, 0, before), behind == 0 ? null : slots.Slice(2, before + count, behind)];
        var mapped = Windows(map(_usual, Tensor.Concat(2, [.. others.OfType<Tensor>()]).Flatten()), before + behind);
        Tensor?[] all = [before == 0 ? null : mapped.Slice(2, 0, before), mem, behind == 0 ? null : mapped.Slice(2, before, behind)];
        return Tensor.Concat(2, [.. all.OfType<Tensor>()]).Flatten();

        Tensor Windows(Tensor y, int each) => y.Reshape(pass.Rows, pass.Windows, each, y.Shape[1]);
    }
}
