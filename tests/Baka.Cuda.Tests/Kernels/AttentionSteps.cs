using Baka.Compiler.Plans;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Kernels;

/// <summary>Attention steps whose q, k and v are columns of one wide matrix.</summary>
internal sealed record AttentionSteps(
    int Batch = 8,
    int Windows = 4,
    int Slots = 520,
    int Past = 520,
    int Heads = 12,
    int HeadWidth = 64,
    Element Element = Element.BFloat16,
    Element PastElement = Element.BFloat16,
    int FirstColumn = 0,
    int RowStride = 10752)
{
    private int Width => Heads * HeadWidth;

    private int Queries => Windows * Slots;

    public static Attention Op(AttentionSteps sizes, bool detachPast = false) => new(sizes.Heads, sizes.Windows, 10000, detachPast);

    public Step Forward() => new(Op(this), "attention", Inputs(), [Dense("o", Element), Dense("lse", Element.Float32, Batch, Heads, Queries)]);

    public Step Backward(bool pastGradient, bool detachPast = false)
    {
        View[] now = [Columns("dq", 0), Columns("dk", 1), Columns("dv", 2)];
        View[] past = pastGradient ? [OfPast("dk past"), OfPast("dv past")] : [];
        View[] saved = [Dense("o", Element), Dense("lse", Element.Float32, Batch, Heads, Queries), Dense("do", Element)];
        return new Step(new AttentionBackward(Op(this, detachPast), pastGradient), "attention", [.. Inputs(), .. saved], [.. now, .. past]);
    }

    private View[] Inputs()
    {
        View[] now = [Columns("q", 0), Columns("k", 1), Columns("v", 2), Ints(Batch * Windows), Ints(Slots), Ints(Slots)];
        return Past > 0 ? [.. now, OfPast("past keys"), OfPast("past values")] : now;
    }

    private View Columns(string name, int part)
    {
        var storage = new Storage(StorageKind.Arena, name, Element, (long)Batch * Queries * RowStride);
        return new View(storage, FirstColumn + part * Width, new Shape(Batch, Queries, Width), [(long)Queries * RowStride, RowStride, 1]);
    }

    private View Dense(string name, Element element) => Dense(name, element, Batch, Queries, Width);

    private View OfPast(string name) => Dense(name, PastElement, Batch, Past, Width);

    private static View Dense(string name, Element element, params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        return new View(new Storage(StorageKind.Arena, name, element, shape.Count), shape);
    }

    private static View Ints(int count) => Dense("ints", Element.Int32, count);
}
