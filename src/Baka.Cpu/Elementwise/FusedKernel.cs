using System.Runtime.Intrinsics;
using Baka.Compiler.Fusion;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Elementwise;

/// <summary>Runs a fused elementwise program over operands bound to memory.</summary>
internal sealed unsafe class FusedKernel : IParallelWork
{
    // Below this many elements waking the team takes longer than the work.
    private const long WorthTheTeam = 16 * 1024;
    private const int MostVectorFloats = 16;

    private readonly FusedLoop _loop;
    private readonly ElementwiseLoops _loops;
    private readonly nint[] _operands;
    private readonly int _inputs;
    private readonly int _width;
    private readonly long _rows;
    private readonly float[][] _tails;

    /// <param name="program">What to compute.</param>
    /// <param name="loops">How the operands lie.</param>
    /// <param name="operands">Address of each operand's first element, inputs first.</param>
    /// <param name="workers">The largest team that will run it.</param>
    /// <param name="vectorBits">128, 256 or 512; 0 for the machine's widest.</param>
    public FusedKernel(FusedElementwise program, ElementwiseLoops loops, nint[] operands, int workers, int vectorBits = 0)
    {
        vectorBits = vectorBits != 0 ? vectorBits : Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
        _loops = loops;
        _operands = operands;
        _inputs = operands.Length - program.Results.Length;
        _width = vectorBits / 32;
        _rows = loops.Extents.Aggregate(1L, (product, extent) => product * extent);
        _loop = FusedEmitter.Emit(program, _inputs, [.. loops.InnerStrides.Take(_inputs).Select(s => s == 0)], vectorBits);
        _tails = [.. Enumerable.Range(0, workers).Select(_ => GC.AllocateArray<float>(operands.Length * MostVectorFloats, pinned: true))];
    }

    public void Run(ThreadTeam team)
    {
        if (_rows * _loops.Run < WorthTheTeam)
        {
            Execute(0, 1);
        }
        else
        {
            team.Run(this);
        }
    }

    public void Execute(int worker, int workers)
    {
        if (_rows >= 4 * workers)
        {
            var (start, end) = (_rows * worker / workers, _rows * (worker + 1) / workers);
            ExecuteRows(worker, start, end, 0, _loops.Run);
        }
        else
        {
            var blocks = (_loops.Run + MostVectorFloats - 1) / MostVectorFloats;
            var start = Math.Min(_loops.Run, blocks * worker / workers * MostVectorFloats);
            var end = Math.Min(_loops.Run, blocks * (worker + 1) / workers * MostVectorFloats);
            ExecuteRows(worker, 0, _rows, start, end);
        }
    }

    /// <summary>Rows [from, to) of the outer loops, elements [start, end) of the innermost run.</summary>
    private void ExecuteRows(int worker, long from, long to, long start, long end)
    {
        var count = _operands.Length;
        var pointers = stackalloc float*[count];
        var strides = stackalloc long[count];
        var innermost = _loops.Extents.Length > 0 ? _loops.Extents[0] : 1;
        for (var k = 0; k < count; k++)
        {
            strides[k] = _loops.Extents.Length > 0 ? _loops.Strides[0][k] : 0;
        }

        var whole = (end - start) / _width * _width;
        for (var row = from; row < to;)
        {
            var rows = Math.Min(to - row, innermost - row % innermost);
            for (var k = 0; k < count; k++)
            {
                pointers[k] = (float*)_operands[k] + RowOffset(k, row) + start * _loops.InnerStrides[k];
            }

            if (whole > 0)
            {
                _loop(pointers, strides, rows, whole);
            }

            if (whole < end - start)
            {
                ExecuteTails(worker, pointers, strides, rows, whole, (int)(end - start - whole));
            }

            row += rows;
        }
    }

    private long RowOffset(int operand, long row)
    {
        var offset = 0L;
        for (var i = 0; i < _loops.Extents.Length; i++)
        {
            (row, var index) = Math.DivRem(row, _loops.Extents[i]);
            offset += index * _loops.Strides[i][operand];
        }

        return offset;
    }

    /// <summary>What is left of each row after whole vectors goes through a vector of its own.</summary>
    private void ExecuteTails(int worker, float** pointers, long* strides, long rows, long at, int length)
    {
        var count = _operands.Length;
        var tails = stackalloc float*[count];
        fixed (float* buffer = _tails[worker])
        {
            for (var k = 0; k < count; k++)
            {
                tails[k] = buffer + k * MostVectorFloats;
            }

            for (var row = 0L; row < rows; row++)
            {
                for (var k = 0; k < _inputs; k++)
                {
                    var inner = _loops.InnerStrides[k];
                    var source = pointers[k] + row * strides[k] + at * inner;
                    for (var i = 0; i < length; i++)
                    {
                        tails[k][i] = source[i * inner];
                    }
                }

                _loop(tails, strides, 1, _width);
                for (var k = _inputs; k < count; k++)
                {
                    var target = pointers[k] + row * strides[k] + at;
                    for (var i = 0; i < length; i++)
                    {
                        target[i] = tails[k][i];
                    }
                }
            }
        }
    }
}
