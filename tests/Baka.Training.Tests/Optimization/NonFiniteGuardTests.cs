using Baka.Data;
using Baka.Training.Optimization;

namespace Baka.Training.Tests.Optimization;

public class NonFiniteGuardTests
{
    [Fact]
    public void Only_bad_steps_in_a_row_stop_a_run()
    {
        var guard = new NonFiniteGuard(3);
        Assert.False(guard.Observe(double.NaN, 1));
        Assert.False(guard.Observe(1, double.PositiveInfinity));
        Assert.False(guard.ShouldStop);
        Assert.True(guard.Observe(1, 1));
        Assert.False(guard.Observe(double.NegativeInfinity, 1));
        Assert.False(guard.Observe(double.NaN, double.NaN));
        Assert.False(guard.ShouldStop);
        Assert.False(guard.Observe(1, double.NaN));
        Assert.True(guard.ShouldStop);
        Assert.Equal(5, guard.Skipped);
    }

    [Fact]
    public void A_resumed_run_goes_on_counting()
    {
        var guard = new NonFiniteGuard(3);
        guard.Restore(10, 2);
        Assert.False(guard.ShouldStop);
        guard.Observe(double.NaN, 1);
        Assert.True(guard.ShouldStop);
        Assert.Equal(11, guard.Skipped);
    }

    [Fact]
    public void A_limit_below_one_is_refused() => Assert.Throws<UserException>(() => new NonFiniteGuard(0));
}
