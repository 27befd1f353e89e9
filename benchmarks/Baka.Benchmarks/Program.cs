using Baka.Benchmarks;

switch (args)
{
    case ["gemm"]:
        GemmComparison.Run("");
        return 0;
    case ["gemm", var filter]:
        GemmComparison.Run(filter);
        return 0;
    default:
        Console.Error.WriteLine("Usage: Baka.Benchmarks gemm [part of a shape's name]");
        return 1;
}
