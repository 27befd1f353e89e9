using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;

namespace Baka.Cuda.Elementwise;

/// <summary>
/// How threads walk over operands of equally many elements: thread t works on the t-th vector of a few neighbors in the
/// innermost run of <see cref="ElementwiseLoops"/>. Knows the text that finds the place of a thread's vector.
/// </summary>
internal sealed class VectorWalk
{
    public const int Threads = 256;

    private readonly ElementwiseLoops _loops;

    // Strides of every loop, the innermost first.
    private readonly long[][] _strides;

    // Extents in vectors, the innermost first.
    private readonly long[] _extents;

    public VectorWalk(IReadOnlyList<View> inputs, IReadOnlyList<View> outputs)
    {
        View[] operands = [.. inputs, .. outputs];
        _loops = new ElementwiseLoops(operands);
        _strides = [_loops.InnerStrides, .. _loops.Strides];

        // An output gets 16 bytes from a thread: neighbors then fill whole sectors. The width of inputs matters less,
        // because what a vector leaves of a sector is still in the first cache when the next one asks for it.
        Width = outputs.Min(o => 16 / o.Storage.Type.Bytes);
        while (Width > 1 && !Fits(operands, Width))
        {
            Width /= 2;
        }

        _extents = [_loops.Run / Width, .. _loops.Extents];
        Vectors = _extents.Aggregate(1L, (product, extent) => product * extent);
        IsLong = Vectors > int.MaxValue || Enumerable.Range(0, operands.Length).Any(k => Last(k) > uint.MaxValue);
    }

    /// <summary>Elements that a thread works on: 8, 4, 2 or 1.</summary>
    public int Width { get; }

    /// <summary>Vectors in all.</summary>
    public long Vectors { get; }

    public int Blocks => checked((int)((Vectors + Threads - 1) / Threads));

    /// <summary>Whether places need 64 bits.</summary>
    public bool IsLong { get; }

    public string IndexType => IsLong ? "u64" : "u32";

    /// <summary>Whether an operand is read and written by whole vectors, not by single elements.</summary>
    public bool IsVector(int operand) => Width > 1 && _loops.InnerStrides[operand] == 1;

    /// <summary>The shape that is walked over, whose outermost extent only the number of vectors tells.</summary>
    public string Shape => $"[{string.Join(", ", _loops.Extents.Prepend(_loops.Run).SkipLast(1).Select(e => $"{e}").Append("n").Reverse())}]";

    public string StridesOf(int operand) => $"({string.Join(", ", _strides.Select(s => s[operand]).Reverse())})";

    /// <summary>Declarations of i0, the first element of the thread's vector in the innermost run, and of i1, i2, … in the loops around it.</summary>
    public IEnumerable<string> Coordinates()
    {
        var inside = 1L;
        for (var i = 0; i < _extents.Length; i++)
        {
            var value = inside == 1 ? "vector" : $"vector / {inside}";
            inside *= _extents[i];
            value = i < _extents.Length - 1 ? $"{value} % {_extents[i]}" : value;
            yield return $"const {IndexType} i{i} = {(i == 0 && Width > 1 ? $"{value} * {Width}" : value)};";
        }
    }

    /// <summary>Distance of the thread's vector from an operand's first element.</summary>
    public string Offset(int operand)
    {
        var terms = _strides
            .Select((strides, i) => strides[operand] switch { 0 => "", 1 => $"i{i}", var stride => $"i{i} * {stride}" })
            .Where(term => term != "").Reverse().ToArray();
        return terms.Length == 0 ? "0" : string.Join(" + ", terms);
    }

    /// <summary>Whether vectors of all operands begin at multiples of their size, given that storages do.</summary>
    private bool Fits(View[] operands, int width)
    {
        var fits = _loops.Run % width == 0;
        for (var k = 0; k < operands.Length; k++)
        {
            fits &= _loops.InnerStrides[k] switch
            {
                0 => true,
                1 => operands[k].Offset % width == 0 && _loops.Strides.All(strides => strides[k] % width == 0),
                _ => false,
            };
        }

        return fits;
    }

    /// <summary>Distance of an operand's last element from its first.</summary>
    private long Last(int operand)
    {
        var last = (_loops.Run - 1) * _loops.InnerStrides[operand];
        for (var i = 0; i < _loops.Extents.Length; i++)
        {
            last += (_loops.Extents[i] - 1) * _loops.Strides[i][operand];
        }

        return last;
    }
}
