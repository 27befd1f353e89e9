using System.Runtime.InteropServices;
using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;
using BenchmarkDotNet.Attributes;

namespace Baka.Benchmarks;

/// <summary>One forward product, Y [2176, N] = X [2176, 256] · Wᵀ, by BenchmarkDotNet.</summary>
public unsafe class GemmBenchmarks
{
    private const int Rows = 2176;
    private const int Depth = 256;

    private ThreadTeam _team = null!;
    private float* _x;
    private float* _w;
    private float* _y;

    [Params(1, 2)]
    public int Threads { get; set; }

    [Params(256, 3584)]
    public int N { get; set; }

    [GlobalSetup]
    public void Allocate()
    {
        _team = new ThreadTeam(Threads);
        _x = AllocateOnes(Rows * Depth);
        _w = AllocateOnes(N * Depth);
        _y = AllocateOnes(Rows * N);
    }

    [GlobalCleanup]
    public void Free()
    {
        _team.Dispose();
        NativeMemory.AlignedFree(_x);
        NativeMemory.AlignedFree(_w);
        NativeMemory.AlignedFree(_y);
    }

    [Benchmark]
    public void Multiply() =>
        Sgemm.Multiply(_team, Rows, N, Depth, new Matrix(_x, Depth, 1), new Matrix(_w, 1, Depth), new Matrix(_y, N, 1));

    private static float* AllocateOnes(int count)
    {
        var data = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        new Span<float>(data, count).Fill(1f);
        return data;
    }
}
