using Baka.Data;
using Baka.Training.Optimization;

namespace Baka.Training.Tests.Optimization;

public class LearningRateScheduleTests
{
    [Fact]
    public void The_warm_up_rises_in_equal_steps_to_the_peak()
    {
        var schedule = new LearningRateSchedule(LearningRateDecay.Constant, 1e-3, 4, 0);
        Assert.Equal([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3], Enumerable.Range(0, 5).Select(s => schedule.AtStep(s, 100)));
    }

    [Fact]
    public void Without_a_warm_up_the_first_step_has_the_peak() =>
        Assert.Equal(2e-3, new LearningRateSchedule(LearningRateDecay.Cosine, 2e-3, 0, 0).AtStep(0, 10));

    [Fact]
    public void A_cosine_passes_the_middle_half_way_down_and_ends_at_the_final_fraction()
    {
        var schedule = new LearningRateSchedule(LearningRateDecay.Cosine, 1, 10, 0.1);
        Assert.Equal(1, schedule.AtStep(10, 110));
        Assert.Equal(0.55, schedule.AtStep(60, 110), 1e-12);
        Assert.Equal(0.1 + 0.9 * (1 + Math.Sqrt(0.5)) / 2, schedule.AtStep(35, 110), 1e-12);
        Assert.Equal(0.1, schedule.AtStep(110, 110), 1e-12);
    }

    [Fact]
    public void A_line_falls_evenly()
    {
        var schedule = new LearningRateSchedule(LearningRateDecay.Linear, 1, 10, 0.2);
        Assert.Equal(0.8, schedule.AtStep(35, 110), 1e-12);
        Assert.Equal(0.2, schedule.AtStep(110, 110), 1e-12);
    }

    [Fact]
    public void Beyond_its_end_the_rate_stays_at_the_final_fraction() =>
        Assert.Equal(0.1, new LearningRateSchedule(LearningRateDecay.Linear, 1, 0, 0.1).AtStep(500, 100), 1e-12);

    [Fact]
    public void A_warm_up_longer_than_the_run_just_rises() =>
        Assert.Equal(0.5, new LearningRateSchedule(LearningRateDecay.Cosine, 1, 100, 0).AtStep(49, 20), 1e-12);

    [Theory]
    [InlineData(LearningRateDecay.Cosine)]
    [InlineData(LearningRateDecay.Linear)]
    [InlineData(LearningRateDecay.Constant)]
    public void By_the_clock_the_rate_never_jumps(LearningRateDecay decay)
    {
        var schedule = new LearningRateSchedule(decay, 1, 50, 0);
        var before = 0.0;
        for (var step = 0; step <= 400; step++)
        {
            var rate = schedule.AtProgress(step, step / 400.0);
            Assert.InRange(Math.Abs(rate - before), 0, 1 / 50.0 + 1e-12);
            before = rate;
        }

        Assert.Equal(decay == LearningRateDecay.Constant ? 1 : 0, before, 1e-12);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(double.NaN, 0, 0)]
    [InlineData(double.PositiveInfinity, 0, 0)]
    [InlineData(1, -1, 0)]
    [InlineData(1, 0, 1.5)]
    [InlineData(1, 0, double.NaN)]
    public void Values_out_of_range_are_refused(double peak, int warmup, double final) =>
        Assert.Throws<UserException>(() => new LearningRateSchedule(LearningRateDecay.Cosine, peak, warmup, final));
}
