using Baka.Data;
using Baka.Training.Benchmarks;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Benchmarks;

public sealed class BenchRunTests
{
    [Fact]
    public void A_measurement_counts_the_tokens_of_the_model_and_the_work_of_its_kernels()
    {
        var recipe = TinyRun.Recipe();
        var one = BenchRun.Run(recipe.Model, recipe.Train, rows: 1, windows: 2, steps: 3, TinyRun.Cpu);
        var two = BenchRun.Run(recipe.Model, recipe.Train, rows: 2, windows: 2, steps: 3, TinyRun.Cpu);
        Assert.Equal((16, 32), (one.TokensPerStep, two.TokensPerStep));
        // What grows with rows is all but the optimizer.
        Assert.InRange(two.FlopsPerStep / one.FlopsPerStep, 1.2, 2);
        Assert.True(one.MillisecondsPerStep > 0 && one.PeakGflops > 0 && one.PeakResidentBytes > 1 << 20);
        Assert.Equal(one.TokensPerStep / one.MillisecondsPerStep * 1e3, one.TokensPerSecond);
    }

    [Fact]
    public void The_debugging_device_is_not_measured()
    {
        var recipe = TinyRun.Recipe();
        Assert.Throws<UserException>(() => BenchRun.Run(recipe.Model, recipe.Train, 1, 1, 1, TinyRun.Reference));
        Assert.Throws<UserException>(() => BenchRun.Run(recipe.Model, recipe.Train, 0, 1, 1, TinyRun.Cpu));
    }
}
