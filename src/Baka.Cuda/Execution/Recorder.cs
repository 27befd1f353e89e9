using Baka.Compiler.Plans;
using Baka.Cuda.Compilation;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;

namespace Baka.Cuda.Execution;

/// <summary>Puts operations into a stream, with the addresses that their operands have now.</summary>
internal sealed unsafe class Recorder(CudaStream stream, KernelCompiler kernels, ProductRunner products, ArgumentWriter arguments)
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

    public void Put(Operation operation, Func<View, ulong> address)
    {
        switch (operation)
        {
            case Launch launch:
                Put(launch, address);
                break;
            case Product product:
                products.Run(products.Prepare(product), address(product.A), address(product.B), address(product.C ?? product.D), address(product.D));
                break;
            case Clear clear:
                stream.Clear(address(clear.Target), clear.Target.Shape.Count * clear.Target.Storage.Type.Bytes);
                break;
            default:
                throw new NotSupportedException($"A GPU cannot do {operation}.");
        }
    }

    private void Put(Launch launch, Func<View, ulong> address)
    {
        var count = launch.Arguments.Count;
        var room = stackalloc byte[ArgumentWriter.Room(launch.Arguments)];
        var pointers = stackalloc void*[count];
        var end = room;
        for (var i = 0; i < count; i++)
        {
            pointers[i] = arguments.Write(launch.Arguments[i], ref end, address);
        }

        stream.Launch(kernels.Kernels[launch.Kernel].Function, launch.Grid, launch.Threads, launch.SharedBytes, pointers);
    }
}
