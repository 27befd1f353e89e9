using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;

namespace Baka.Cuda.Tests.Products;

public sealed class AlgorithmCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("baka-products-").FullName;

    [Fact]
    public void Choices_outlive_the_process_for_the_same_GPU_and_version_alone()
    {
        Open().Put(Shape(8), Algorithm(1));
        Open().Put(Shape(9), Algorithm(2));

        Assert.True(Open().TryGet(Shape(8), out var first) && first[0] == 1 && first[7] == 1);
        Assert.True(Open().TryGet(Shape(9), out var second) && second[0] == 2);
        Assert.False(Open().TryGet(Shape(10), out _));
        Assert.False(Open(version: 130200).TryGet(Shape(8), out _));
        Assert.False(Open(device: "NVIDIA H200").TryGet(Shape(8), out _));
    }

    [Fact]
    public void Lines_that_are_damaged_are_passed_over()
    {
        Open().Put(Shape(8), Algorithm(1));
        var file = Assert.Single(Directory.GetFiles(_folder));
        File.WriteAllText(file, "\nnonsense\n" + Shape(9) + " 0102\n" + Shape(10) + " " + new string('g', 128) + "\n" + File.ReadAllText(file));

        Assert.True(Open().TryGet(Shape(8), out _));
        Assert.False(Open().TryGet(Shape(9), out _));
        Assert.False(Open().TryGet(Shape(10), out _));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private AlgorithmCache Open(string device = "NVIDIA H100 80GB/HBM3", nuint version = 130100) => new(_folder, device, version);

    private static MatmulAlgorithm Algorithm(ulong value)
    {
        MatmulAlgorithm algorithm = default;
        for (var i = 0; i < 8; i++)
        {
            algorithm[i] = value;
        }

        return algorithm;
    }

    private static ProductShape Shape(int extent)
    {
        View Matrix() => new(new Storage(StorageKind.Arena, "x", Element.Float32, extent * extent), new Shape(extent, extent));
        return ProductShape.Of(new Product(Matrix(), false, Matrix(), false, Matrix()), fastTf32: false);
    }
}
