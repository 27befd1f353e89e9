using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>y [outer, inner] = Σ over the middle of x [outer, reduced, inner], both contiguous.</summary>
/// <remarks>
/// The longest independent direction is shared among the workers: the outer one, the inner one, or, when both are short, the
/// reduced one with partial sums that are added in the workers' order. Contiguous sums are carried in f64 from block to block,
/// so that sums over millions of values keep their digits.
/// </remarks>
public sealed unsafe class SumKernel : Kernel
{
    private const int Line = 16;
    private const int Block = 4096;

    private readonly int _outer;
    private readonly int _reduced;
    private readonly int _inner;
    private readonly int _workers;
    private readonly Direction _direction;
    private readonly float* _partial;
    private ThreadTeam? _team;

    /// <param name="workers">The largest team that will run it.</param>
    public SumKernel(int outer, int reduced, int inner, int workers)
    {
        (_outer, _reduced, _inner, _workers) = (outer, reduced, inner, workers);
        _direction = outer >= 2 * workers ? Direction.Outer : inner >= Line * workers ? Direction.Inner : Direction.Reduced;
        if (_direction == Direction.Reduced)
        {
            _partial = Allocate((long)workers * PartialStride);
        }
    }

    private enum Direction
    {
        Outer,
        Inner,
        Reduced,
    }

    /// <summary>x: [outer, reduced, inner].</summary>
    public float* Input { get; set; }

    /// <summary>y: [outer, inner].</summary>
    public float* Output { get; set; }

    private nint PartialStride => TileProduct.RoundUp(_outer * _inner, Line);

    public override void Run(ThreadTeam team)
    {
        team.RequireAtMost(_workers);
        _team = team;
        team.Run(this);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        switch (_direction)
        {
            case Direction.Outer:
                var (firstRow, endRow) = ThreadTeam.Share(_outer, worker, workers);
                Sum<S, V>(firstRow, endRow, 0, _reduced, 0, _inner, Output);
                break;
            case Direction.Inner:
                var (firstColumn, endColumn) = ThreadTeam.Share(_inner, worker, workers, Line);
                Sum<S, V>(0, _outer, 0, _reduced, firstColumn, endColumn, Output);
                break;
            default:
                var (first, end) = ThreadTeam.Share(_reduced, worker, workers, Line);
                Sum<S, V>(0, _outer, first, end, 0, _inner, _partial + worker * PartialStride);
                _team!.Barrier();
                if (worker == 0)
                {
                    AddPartials(workers);
                }

                break;
        }
    }

    private void Sum<S, V>(int outerStart, int outerEnd, int start, int end, int innerStart, int innerEnd, float* to)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var o = outerStart; o < outerEnd; o++)
        {
            var x = Input + (nint)o * _reduced * _inner;
            if (_inner == 1)
            {
                to[o] = SumContiguous<S, V>(x + start, end - start);
            }
            else
            {
                SumColumns<S, V>(x, start, end, innerStart, innerEnd, to + (nint)o * _inner);
            }
        }
    }

    private static float SumContiguous<S, V>(float* x, int count)
        where S : struct, ISimd<V>
        where V : struct
    {
        var sum = 0.0;
        for (var i = 0; i < count; i += Block)
        {
            sum += Simd<S, V>.Sum(x + i, Math.Min(Block, count - i));
        }

        return (float)sum;
    }

    private void SumColumns<S, V>(float* x, int start, int end, int innerStart, int innerEnd, float* to)
        where S : struct, ISimd<V>
        where V : struct
    {
        var column = innerStart;
        for (; column <= innerEnd - 4 * S.Count; column += 4 * S.Count)
        {
            V a = S.Create(0), b = a, c = a, d = a;
            for (var i = start; i < end; i++)
            {
                var row = x + (nint)i * _inner + column;
                a = S.Add(a, S.Load(row));
                b = S.Add(b, S.Load(row + S.Count));
                c = S.Add(c, S.Load(row + 2 * S.Count));
                d = S.Add(d, S.Load(row + 3 * S.Count));
            }

            S.Store(a, to + column);
            S.Store(b, to + column + S.Count);
            S.Store(c, to + column + 2 * S.Count);
            S.Store(d, to + column + 3 * S.Count);
        }

        for (; column <= innerEnd - S.Count; column += S.Count)
        {
            var a = S.Create(0);
            for (var i = start; i < end; i++)
            {
                a = S.Add(a, S.Load(x + (nint)i * _inner + column));
            }

            S.Store(a, to + column);
        }

        for (; column < innerEnd; column++)
        {
            var sum = 0f;
            for (var i = start; i < end; i++)
            {
                sum += x[(nint)i * _inner + column];
            }

            to[column] = sum;
        }
    }

    private void AddPartials(int workers)
    {
        for (var i = 0; i < _outer * _inner; i++)
        {
            var sum = 0.0;
            for (var worker = 0; worker < workers; worker++)
            {
                sum += _partial[worker * PartialStride + i];
            }

            Output[i] = (float)sum;
        }
    }
}
