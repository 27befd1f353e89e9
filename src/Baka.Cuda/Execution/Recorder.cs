using Baka.Compiler.Plans;
using Baka.Cuda.Compilation;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;

namespace Baka.Cuda.Execution;

/// <summary>Puts operations into a stream, with the addresses that their operands have now.</summary>
internal sealed unsafe class Recorder(CudaContext context, CudaStream stream, KernelCompiler kernels, ProductRunner products, ArgumentWriter arguments)
{
    /// <summary>Makes ready what operations need; nothing of that may happen while they are recorded.</summary>
    /// <param name="scratch">Memory whose content may be lost.</param>
    public void Prepare(IReadOnlyCollection<Operation> operations, DeviceMemory scratch)
    {
        kernels.Load(operations.OfType<Launch>().Select(l => l.Kernel));
        foreach (var launch in operations.OfType<Launch>())
        {
            kernels.Kernels[launch.Kernel].AllowShared(launch.SharedBytes);
        }

        foreach (var product in operations.OfType<Product>())
        {
            products.Prepare(product, scratch);
        }
    }

    public void Put(Operation operation, Func<View, ulong> address) => Put(operation, stream, address);

    /// <summary>Turns operations into something that can be run as a whole, with a stream of their own for those aside.</summary>
    public ExecutableGraph Record(Lanes lanes, Func<View, ulong> address)
    {
        using var aside = new CudaStream(context);
        var ends = lanes.Awaited.ToDictionary(number => number, _ => new CudaEvent(context));
        try
        {
            return stream.Capture(() =>
            {
                for (var number = 0; number < lanes.Operations.Count; number++)
                {
                    var (operation, isAside, after) = lanes.Operations[number];
                    var lane = isAside ? aside : stream;
                    if (after is { } other)
                    {
                        lane.WaitFor(ends[other]);
                    }

                    Put(operation, lane, address);
                    if (ends.TryGetValue(number, out var end))
                    {
                        end.Record(lane);
                    }
                }

                // Nothing may be left outside of what is captured.
                if (lanes.EndsAfter is { } last)
                {
                    stream.WaitFor(ends[last]);
                }
            });
        }
        finally
        {
            foreach (var end in ends.Values)
            {
                end.Dispose();
            }
        }
    }

    /// <param name="lane">Not of products: they share their working space, so all are on the stream they were given.</param>
    private void Put(Operation operation, CudaStream lane, Func<View, ulong> address)
    {
        switch (operation)
        {
            case Launch launch:
                Put(launch, lane, address);
                break;
            case Product product:
                products.Run(products.Prepare(product), address(product.A), address(product.B), address(product.C ?? product.D), address(product.D));
                break;
            case Clear clear:
                lane.Clear(address(clear.Target), clear.Target.Shape.Count * clear.Target.Storage.Type.Bytes);
                break;
            default:
                throw new NotSupportedException($"A GPU cannot do {operation}.");
        }
    }

    private void Put(Launch launch, CudaStream lane, Func<View, ulong> address)
    {
        var count = launch.Arguments.Count;
        var room = stackalloc byte[ArgumentWriter.Room(launch.Arguments)];
        var pointers = stackalloc void*[count];
        var end = room;
        for (var i = 0; i < count; i++)
        {
            pointers[i] = arguments.Write(launch.Arguments[i], ref end, address);
        }

        lane.Launch(kernels.Kernels[launch.Kernel].Function, launch.Grid, launch.Threads, launch.SharedBytes, pointers);
    }
}
