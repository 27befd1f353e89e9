namespace Baka.Cpu.Tests.Kernels;

internal static class Differences
{
    /// <summary>The gradient of a loss computed in f64, by central differences.</summary>
    public static double[] Of(Func<double> loss, double[] x)
    {
        const double Step = 1e-5;
        var gradient = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var old = x[i];
            x[i] = old + Step;
            var up = loss();
            x[i] = old - Step;
            gradient[i] = (up - loss()) / (2 * Step);
            x[i] = old;
        }

        return gradient;
    }
}
