using Baka.Compiler.Plans;

namespace Baka.Cuda.Kernels;

/// <summary>A tensor of heads: element (b, row, head, j) lies at b·Batch + row·Row + head·Head + j from the view's first.</summary>
internal sealed record AttentionOperand(View View, long Batch, long Row, long Head)
{
    private const int VectorBytes = 16;

    public Element Type => View.Storage.Type;

    /// <summary>Elements that one access can move: a power of two, at most 16 bytes, that divides a head's width and every place where one begins.</summary>
    public int Vector
    {
        get
        {
            var vector = VectorBytes / Type.Bytes;
            long width = View.Shape[View.Shape.Rank - 1];
            while ((View.Offset | Batch | Row | Head | width) % vector != 0)
            {
                vector /= 2;
            }

            return vector;
        }
    }

    /// <summary>Whether a head's vectors can be copied to shared memory in the background as they lie, by 16 bytes.</summary>
    public bool IsCopyable => IsCopyableBy(VectorBytes);

    /// <summary>Whether they can by as many bytes, or more.</summary>
    public bool IsCopyableBy(int bytes) => Type == Element.BFloat16 && Vector * Type.Bytes >= bytes;

    /// <summary>A view [B, rows, h·f], or [B, rows, f] of what all heads share, whose innermost elements lie side by side.</summary>
    public static AttentionOperand OfRows(View view, AttentionShape shape) =>
        new(view, Stride(view, 0), Stride(view, 1), view.Shape[2] == shape.HeadWidth ? 0 : shape.HeadWidth);

    /// <summary>A view [B, h, rows, f] with rows of one head after the other.</summary>
    public static AttentionOperand OfHeads(View view) => new(view, Stride(view, 0), Stride(view, 2), Stride(view, 1));

    public IEnumerable<(string Name, object Value)> Defines(string name) =>
    [
        ($"{name}_TYPE", Type),
        ($"{name}_BATCH", Batch),
        ($"{name}_ROW", Row),
        ($"{name}_HEAD", Head),
        ($"{name}_VECTOR", Vector),
    ];

    /// <summary>Stride of an axis that has more than one element; that of others does not matter.</summary>
    private static long Stride(View view, int axis) => view.Shape[axis] > 1 ? view.Strides[axis] : 0;
}
