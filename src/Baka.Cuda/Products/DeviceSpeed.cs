using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Graph;

namespace Baka.Cuda.Products;

/// <summary>What a GPU reaches at best, to compare training with.</summary>
internal sealed class DeviceSpeed(CudaContext context, CudaStream stream)
{
    private const int Repetitions = 10;
    private const int Extent = 8192;
    private const long CopiedBytes = 1L << 29;

    /// <summary>Floating-point operations a second of a bf16 product with 8192 rows, columns and summands.</summary>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double ProductFlops(ProductRunner products)
    {
        using var a = Random();
        using var b = Random();
        using var d = Random();
        var shape = new Shape(Extent, Extent);
        View Matrix() => new(new Storage(StorageKind.Scratch, "speed", Element.BFloat16, shape.Count), shape);
        var prepared = products.Prepare(new Product(Matrix(), false, Matrix(), true, Matrix(), false));
        return prepared.Shape.Flops / Seconds(() => products.Run(prepared, a.Address, b.Address, d.Address));
    }

    /// <summary>Bytes read and written a second when memory is copied on the GPU.</summary>
    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public double CopyBandwidth()
    {
        using var from = new DeviceMemory(context, CopiedBytes);
        using var to = new DeviceMemory(context, CopiedBytes);
        return 2 * CopiedBytes / Seconds(() => stream.Copy(to.Address, from.Address, CopiedBytes));
    }

    private DeviceMemory Random()
    {
        var memory = new DeviceMemory(context, (long)Extent * Extent * Element.BFloat16.Bytes);
        new RandomOperands(stream).Fill(Element.BFloat16, memory.Address, memory.Bytes);
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
