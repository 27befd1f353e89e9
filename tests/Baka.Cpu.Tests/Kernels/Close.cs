namespace Baka.Cpu.Tests.Kernels;

internal static class Close
{
    /// <summary>Every value within tolerance · (1 + largest expected magnitude) of the reference.</summary>
    public static void Assert(double[] expected, double[] actual, double tolerance, string what)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        var limit = tolerance * (1 + expected.Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (var i = 0; i < expected.Length; i++)
        {
            Xunit.Assert.True(Math.Abs(expected[i] - actual[i]) <= limit, $"{what}[{i}]: expected {expected[i]}, found {actual[i]}, limit {limit:g2}");
        }
    }

    public static double[] ToDoubles(this float[] values) => Array.ConvertAll(values, v => (double)v);
}
