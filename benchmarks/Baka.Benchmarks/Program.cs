using Baka.Benchmarks;
using BenchmarkDotNet.Running;

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
    case ["tokenizer", var path]:
        return TokenizerBenchmark.Run(path);
    case ["bdn", .. var rest]:
        BenchmarkSwitcher.FromAssembly(typeof(GemmBenchmarks).Assembly).Run(rest);
        return 0;
    default:
        Console.Error.WriteLine("Usage: Baka.Benchmarks gemm [part of a shape's name] | kernels THREADS | tokenizer FILE | bdn [arguments of BenchmarkDotNet]");
        return 2;
}
