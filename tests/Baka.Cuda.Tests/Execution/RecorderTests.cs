using Baka.Compiler.Plans;
using Baka.Cuda.Compilation;
using Baka.Cuda.Execution;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;

namespace Baka.Cuda.Tests.Execution;

public sealed class RecorderTests
{
    private const int Count = 100;

    // One takes much longer than launching another.
    private const string Source = """
        extern "C" __global__ void add_slowly(const float* x, float* y)
        {
            const long long start = clock64();
            while (clock64() - start < 2000000)
                ;
            y[threadIdx.x] += x[threadIdx.x];
        }

        extern "C" __global__ void add(const float* x, float* y)
        {
            y[threadIdx.x] += x[threadIdx.x];
        }
        """;

    [GpuFact]
    public void What_needs_an_operation_aside_comes_after_it_and_nothing_is_left_behind()
    {
        using var gpu = new Gpu();
        using var kernels = new KernelCompiler(gpu.Context, gpu.CacheFolder);
        using var products = new ProductRunner(gpu.Context, gpu.Stream, gpu.CacheFolder, fastTf32: false);
        var recorder = new Recorder(gpu.Context, gpu.Stream, kernels, products, new ArgumentWriter(gpu.Context.Driver));
        var views = Enumerable.Range(0, 4).Select(i => new View(new Storage(StorageKind.Variable, $"v{i}", Element.Float32, Count), new Shape(Count))).ToArray();
        var memory = views.ToDictionary(view => view.Storage, view => gpu.Upload<float>([.. Enumerable.Repeat(1f, Count)]));
        var (a, b, c, d) = (views[0], views[1], views[2], views[3]);
        Operation[] operations =
        [
            Add("add_slowly", a, b), // b = 2
            Add("add_slowly", b, c) with { IsAside = true }, // c = 3
            Add("add", c, d), // aside as well: d = 4
            Add("add", a, a), // meanwhile a = 2
            new Clear(b), // not before c is made
            Add("add_slowly", a, b) with { IsAside = true }, // b = 2
        ];
        recorder.Prepare(operations, memory[a.Storage]);
        var lanes = new Lanes(operations);
        Assert.Equal([false, true, true, false, false, true], lanes.Operations.Select(o => o.IsAside));

        using (var program = recorder.Record(lanes, view => memory[view.Storage].Address))
        {
            Assert.Equal(operations.Length, program.Nodes);
            program.Launch(gpu.Stream);
        }

        float[] expected = [2, 2, 3, 4];
        Assert.Equal(expected, views.Select(view => Assert.Single(gpu.Download<float>(memory[view.Storage]).Distinct())));
        foreach (var taken in memory.Values)
        {
            taken.Dispose();
        }
    }

    private static Launch Add(string kernel, View x, View y) => new(new Kernel(Source, kernel), new Grid(1), Count, 0, [x, y]);
}
