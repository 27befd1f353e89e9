using Baka.Cuda.Compilation;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Tests.Compilation;

public sealed class KernelCompilerTests
{
    private const string Scale = """
        extern "C" __global__ void scale(float* x, float factor, int count)
        {
            int i = blockIdx.x * 128 + threadIdx.x;
            if (i < count)
                x[i] *= factor;
        }

        extern "C" __global__ void through_shared(float* x)
        {
            DYNAMIC_SHARED(shared);
            float* last = reinterpret_cast<float*>(shared) + 20000;
            last[threadIdx.x] = x[threadIdx.x];
            __syncthreads();
            x[threadIdx.x] = last[127 - threadIdx.x];
        }
        """;

    [GpuFact]
    public void A_kernel_runs_alone_and_recorded()
    {
        using var gpu = new Gpu();
        using var compiler = new KernelCompiler(gpu.Context, gpu.CacheFolder);
        var kernel = new Kernel(Scale, "scale");
        compiler.Load([kernel]);
        using var memory = gpu.Upload<float>([.. Enumerable.Range(0, 300)]);

        LaunchScale(gpu, compiler.Kernels[kernel], memory.Address, 300);
        using (var program = gpu.Stream.Capture(() => LaunchScale(gpu, compiler.Kernels[kernel], memory.Address, 300)))
        {
            Assert.Equal(1, program.Nodes);
            program.Upload(gpu.Stream);
            program.Launch(gpu.Stream);
            program.Launch(gpu.Stream);
        }

        Assert.Equal(Enumerable.Range(0, 300).Select(i => 8f * i), gpu.Download<float>(memory));
    }

    [GpuFact]
    public unsafe void A_kernel_may_use_more_shared_memory_than_is_usual_when_it_was_allowed()
    {
        using var gpu = new Gpu();
        using var compiler = new KernelCompiler(gpu.Context, gpu.CacheFolder);
        var kernel = new Kernel(Scale, "through_shared");
        compiler.Load([kernel]);
        using var memory = gpu.Upload<float>([.. Enumerable.Range(0, 128)]);

        compiler.Kernels[kernel].AllowShared(81000);
        var address = memory.Address;
        var arguments = stackalloc void*[] { &address };
        gpu.Stream.Launch(compiler.Kernels[kernel].Function, new Grid(1), 128, 81000, arguments);

        Assert.Equal(Enumerable.Range(0, 128).Select(i => 127f - i), gpu.Download<float>(memory));
    }

    [GpuFact]
    public void A_text_is_compiled_once_for_all_its_kernels_and_later_taken_from_disk()
    {
        using var gpu = new Gpu();
        Kernel[] kernels = [new(Scale, "scale"), new(Scale, "through_shared"), new(Scale, "scale")];
        using var first = new KernelCompiler(gpu.Context, gpu.CacheFolder);
        first.Load(kernels);
        first.Load(kernels);
        Assert.Equal(1, first.Compiled);

        using var second = new KernelCompiler(gpu.Context, gpu.CacheFolder);
        second.Load(kernels);
        Assert.Equal(0, second.Compiled);
        Assert.Equal(first.Kernels[kernels[0]].Registers, second.Kernels[kernels[0]].Registers);
    }

    [GpuFact]
    public void An_error_in_a_text_is_told_with_the_kernel_and_the_compilers_words()
    {
        using var gpu = new Gpu();
        using var compiler = new KernelCompiler(gpu.Context, gpu.CacheFolder);

        var failure = Assert.Throws<CudaException>(() => compiler.Load([new Kernel("extern \"C\" __global__ void wrong() { undeclared(); }", "wrong")]));

        Assert.Contains("wrong", failure.Message);
        Assert.Contains("undeclared", failure.Message);
    }

    [GpuFact]
    public void A_recording_that_fails_leaves_the_stream_usable()
    {
        using var gpu = new Gpu();
        using var memory = gpu.Upload<float>([1]);

        Assert.Throws<InvalidOperationException>(() => gpu.Stream.Capture(() => throw new InvalidOperationException()));
        gpu.Stream.Clear(memory.Address, 4);

        Assert.Equal([0f], gpu.Download<float>(memory));
    }

    [GpuFact]
    public void Memory_that_is_not_there_is_refused_with_numbers()
    {
        using var gpu = new Gpu();

        var failure = Assert.Throws<CudaException>(() => new DeviceMemory(gpu.Context, 1L << 50));

        Assert.Contains("1125899.91 GB", failure.Message);
    }

    private static unsafe void LaunchScale(Gpu gpu, LoadedKernel kernel, ulong address, int count)
    {
        var factor = 2f;
        var arguments = stackalloc void*[] { &address, &factor, &count };
        gpu.Stream.Launch(kernel.Function, new Grid((count + 127) / 128), 128, 0, arguments);
    }
}
