using System.Numerics;
using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Graph;

namespace Baka.Cuda.Products;

/// <summary>What a GPU reaches at best, to compare training with.</summary>
internal sealed class DeviceSpeed(CudaContext context, CudaStream stream)
{
    private const int Repetitions = 10;

    // Enough tiles for every multiprocessor of the largest GPUs, and no more work than smaller ones do in a moment.
    private const int LargestExtent = 8192;
    private const int ExtentPerMultiprocessor = 64;

    private const long CopiedBytes = 1L << 29;

    /// <summary>Floating-point operations a second of a product of large square matrices.</summary>
    /// <param name="element">Of operands and result.</param>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double ProductFlops(ProductRunner products, Element element)
    {
        var extent = (int)Math.Min(LargestExtent, BitOperations.RoundUpToPowerOf2((uint)(context.Profile.Multiprocessors * ExtentPerMultiprocessor)) / 2);
        var shape = new Shape(extent, extent);
        using var a = Random(element, shape.Count);
        using var b = Random(element, shape.Count);
        using var d = Random(element, shape.Count);
        View Matrix() => new(new Storage(StorageKind.Scratch, "speed", element, shape.Count), shape);
        var prepared = products.Prepare(new Product(Matrix(), false, Matrix(), true, Matrix()));
        return prepared.Shape.Flops / Seconds(() => products.Run(prepared, a.Address, b.Address, d.Address, d.Address));
    }

    /// <summary>Bytes read and written a second when memory is copied on the GPU.</summary>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double CopyBandwidth()
    {
        using var from = new DeviceMemory(context, CopiedBytes);
        using var to = new DeviceMemory(context, CopiedBytes);
        return 2 * CopiedBytes / Seconds(() => stream.Copy(to.Address, from.Address, CopiedBytes));
    }

    private DeviceMemory Random(Element element, long count)
    {
        var memory = new DeviceMemory(context, count * element.Bytes);
        new RandomOperands(stream).Fill(element, memory.Address, memory.Bytes);
        return memory;
    }

    private double Seconds(Action work)
    {
        using var start = new CudaEvent(context);
        using var end = new CudaEvent(context);
        work();
        start.Record(stream);
        for (var i = 0; i < Repetitions; i++)
        {
            work();
        }

        end.Record(stream);
        end.Synchronize();
        return end.MillisecondsSince(start) / 1e3 / Repetitions;
    }
}
