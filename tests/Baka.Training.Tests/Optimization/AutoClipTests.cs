using Baka.Data;
using Baka.Training.Optimization;

namespace Baka.Training.Tests.Optimization;

public class AutoClipTests
{
    [Fact]
    public void Before_the_first_norm_nothing_is_clipped() =>
        Assert.Equal(double.PositiveInfinity, new AutoClip(10).Threshold);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(100, 11)]
    [InlineData(50, 6)]
    [InlineData(10, 2)]
    [InlineData(25, 3.5)]
    public void The_threshold_is_the_interpolated_percentile(double percentile, double expected)
    {
        var clip = new AutoClip(percentile);
        foreach (var norm in new double[] { 7, 1, 11, 3, 9, 5, 2, 8, 10, 4, 6 })
        {
            clip.Observe(norm);
        }

        Assert.Equal(expected, clip.Threshold, 1e-12);
    }

    [Fact]
    public void Only_the_newest_norms_count()
    {
        // Against the plain definition: the percentile of the last norms, sorted anew each time; rounding makes many ties.
        const int Capacity = 7;
        var clip = new AutoClip(30, Capacity);
        var rng = new Rng(1);
        var all = new List<double>();
        for (var i = 0; i < 500; i++)
        {
            all.Add(Math.Round(rng.NextDouble() * 5));
            clip.Observe(all[^1]);
            var newest = all.TakeLast(Capacity).Order().ToArray();
            var position = 0.3 * (newest.Length - 1);
            var below = (int)position;
            var above = Math.Min(below + 1, newest.Length - 1);
            Assert.Equal(newest[below] + (position - below) * (newest[above] - newest[below]), clip.Threshold, 1e-12);
            Assert.Equal(all.TakeLast(Capacity), clip.History());
        }
    }

    [Fact]
    public void A_norm_that_is_not_finite_is_left_out()
    {
        var clip = new AutoClip(50);
        clip.Observe(2);
        clip.Observe(double.NaN);
        clip.Observe(double.PositiveInfinity);
        Assert.Equal([2.0], clip.History());
    }

    [Fact]
    public void A_restored_history_gives_the_same_thresholds()
    {
        var clip = new AutoClip(25, 5);
        for (var i = 0; i < 13; i++)
        {
            clip.Observe(i * 37 % 11);
        }

        var copy = new AutoClip(25, 5);
        copy.Observe(1000);
        copy.Restore(clip.History());
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(clip.Threshold, copy.Threshold);
            clip.Observe(i);
            copy.Observe(i);
        }
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(101, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(10, 0)]
    public void Values_out_of_range_are_refused(double percentile, int capacity) =>
        Assert.Throws<UserException>(() => new AutoClip(percentile, capacity));
}
