using Baka.Cli.Output;

namespace Baka.Cli.Tests;

public class LineChartTests
{
    [Fact]
    public void Nothing_is_drawn_of_fewer_than_two_points()
    {
        var chart = new LineChart("step");
        Assert.Empty(chart.Draw(60, 6));
        chart.Add(1, 5);
        chart.Add(2, double.NaN);
        Assert.Empty(chart.Draw(60, 6));
    }

    [Fact]
    public void A_falling_loss_is_drawn_from_the_upper_left_to_the_lower_right()
    {
        var chart = new LineChart("step");
        for (var step = 1; step <= 100; step++)
            chart.Add(step, 8 - 0.05 * step);
        var lines = chart.Draw(60, 6);
        Assert.Equal(7, lines.Count);
        Assert.All(lines, line => Assert.True(line.Length <= 60));
        Assert.Contains("7.950", lines[0]);
        Assert.Contains("3.000", lines[5]);
        Assert.StartsWith("step 1 ", lines[6].TrimStart());
        Assert.EndsWith(" 100", lines[6]);
        Assert.True(FirstDot(lines[0]) < FirstDot(lines[5]));
        Assert.True(LastDot(lines[0]) < LastDot(lines[5]));
    }

    [Fact]
    public void A_constant_loss_is_drawn_too()
    {
        var chart = new LineChart("step");
        chart.Add(1, 4);
        chart.Add(2, 4);
        Assert.NotEmpty(chart.Draw(40, 4));
    }

    [Fact]
    public void A_run_of_a_million_steps_keeps_its_whole_range()
    {
        var chart = new LineChart("step");
        for (var step = 1; step <= 1_000_000; step++)
            chart.Add(step, 10.0 - step / 200_000.0);
        var lines = chart.Draw(80, 4);
        var (high, low) = (double.Parse(lines[0].Split('┤')[0]), double.Parse(lines[3].Split('┤')[0]));
        Assert.InRange(high, 9.98, 10);
        Assert.InRange(low, 5, 5.02);
    }

    private static int FirstDot(string line) => line.ToList().FindIndex(IsDot);

    private static int LastDot(string line) => line.ToList().FindLastIndex(IsDot);

    private static bool IsDot(char c) => c is > '\u2800' and <= '\u28FF';
}
