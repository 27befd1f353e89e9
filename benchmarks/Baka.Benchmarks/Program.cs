using Baka.Benchmarks;

switch (args)
{
    case ["gemm"]:
        GemmComparison.Run("");
        return 0;
    case ["gemm", var filter]:
        GemmComparison.Run(filter);
        return 0;
    case ["kernels", var threads] when int.TryParse(threads, out var count) && count > 0:
        return KernelBenchmark.Run(count);
    default:
        Console.Error.WriteLine("Usage: Baka.Benchmarks gemm [part of a shape's name] | kernels THREADS");
        return 2;
}
