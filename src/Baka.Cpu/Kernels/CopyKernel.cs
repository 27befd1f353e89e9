using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// y[i…] = x[i…] for two strided views of one shape: permutations, slices, broadcasts (stride 0 in x), concatenation into a part of y.
/// </summary>
public sealed unsafe class CopyKernel : Kernel
{
    public const int MaxRank = 6;

    // A block's rows of both sides stay in the first cache while it is turned.
    private const int TransposeBlock = 32;

    // Long rows are cut, so that a single one is shared among the workers too.
    private const int RowBlock = 8192;

    private readonly Dimension[] _outer;
    private readonly Dimension _inner;
    private readonly Dimension _blocked;
    private readonly int _block;
    private readonly Method _method;

    /// <param name="shape">Up to six sizes.</param>
    /// <param name="fromStrides">Stride of each dimension of x, in floats.</param>
    /// <param name="toStrides">Stride of each dimension of y, in floats; no two elements may share a place.</param>
    public CopyKernel(ReadOnlySpan<int> shape, ReadOnlySpan<long> fromStrides, ReadOnlySpan<long> toStrides)
    {
        if (shape.Length > MaxRank || fromStrides.Length != shape.Length || toStrides.Length != shape.Length)
        {
            throw new ArgumentException($"A copy takes up to {MaxRank} dimensions and as many strides on each side, not {shape.Length}, {fromStrides.Length} and {toStrides.Length}.");
        }

        var dimensions = Simplify(shape, fromStrides, toStrides);
        _inner = TakeLast(dimensions);
        var turned = dimensions.FindIndex(d => d.From == 1);
        (_method, _blocked, _block) = (Method.Elements, _inner, _inner.Size);
        if (_inner is { From: 1, To: 1 })
        {
            (_method, _block) = (Method.Rows, RowBlock);
        }
        else if (_inner.To == 1 && turned >= 0)
        {
            (_method, _blocked, _block) = (Method.Transpose, dimensions[turned], TransposeBlock);
            dimensions.RemoveAt(turned);
        }

        dimensions.Add(new Dimension((_blocked.Size + _block - 1) / _block, _block * _blocked.From, _block * _blocked.To));
        _outer = [.. dimensions];
    }

    private enum Method
    {
        Rows,
        Transpose,
        Elements,
    }

    public float* Input { get; set; }

    public float* Output { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var count = 1;
        foreach (var dimension in _outer)
        {
            count *= dimension.Size;
        }

        var (start, end) = ThreadTeam.Share(count, worker, workers);
        for (var i = start; i < end; i++)
        {
            var rest = i;
            var from = Input;
            var to = Output;
            for (var d = _outer.Length - 1; d >= 0; d--)
            {
                (rest, var index) = Math.DivRem(rest, _outer[d].Size);
                from += index * _outer[d].From;
                to += index * _outer[d].To;
            }

            var length = Math.Min(_block, _blocked.Size - i % _outer[^1].Size * _block);
            switch (_method)
            {
                case Method.Rows:
                    new Span<float>(from, length).CopyTo(new Span<float>(to, length));
                    break;
                case Method.Transpose:
                    CopyTransposed(from, to, length);
                    break;
                default:
                    CopyElements(from, to, length);
                    break;
            }
        }
    }

    private void CopyTransposed(float* from, float* to, int columns)
    {
        for (var i = 0; i < _inner.Size; i += TransposeBlock)
        {
            Transposition.Copy(from + i * _inner.From, _inner.From, Math.Min(TransposeBlock, _inner.Size - i), columns, to + i, _blocked.To);
        }
    }

    private void CopyElements(float* from, float* to, int length)
    {
        for (var i = 0; i < length; i++)
        {
            to[i * _inner.To] = from[i * _inner.From];
        }
    }

    /// <summary>Drops dimensions of size 1, orders the others by falling stride in y, and joins those that run on in both views.</summary>
    private static List<Dimension> Simplify(ReadOnlySpan<int> shape, ReadOnlySpan<long> fromStrides, ReadOnlySpan<long> toStrides)
    {
        var dimensions = new List<Dimension>();
        for (var i = 0; i < shape.Length; i++)
        {
            if (shape[i] != 1)
            {
                dimensions.Add(new Dimension(shape[i], (nint)fromStrides[i], (nint)toStrides[i]));
            }
        }

        dimensions = [.. dimensions.OrderByDescending(d => d.To)];
        for (var i = dimensions.Count - 2; i >= 0; i--)
        {
            var (outer, inner) = (dimensions[i], dimensions[i + 1]);
            if (outer.From == inner.Size * inner.From && outer.To == inner.Size * inner.To)
            {
                dimensions[i] = inner with { Size = outer.Size * inner.Size };
                dimensions.RemoveAt(i + 1);
            }
        }

        return dimensions;
    }

    private static Dimension TakeLast(List<Dimension> dimensions)
    {
        if (dimensions.Count == 0)
        {
            return new Dimension(1, 1, 1);
        }

        var last = dimensions[^1];
        dimensions.RemoveAt(dimensions.Count - 1);
        return last;
    }

    private readonly record struct Dimension(int Size, nint From, nint To);
}
