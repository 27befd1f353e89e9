using Baka.Benchmarks;

return args is ["kernels", var threads] ? KernelBenchmark.Run(int.Parse(threads)) : 0;
