using Baka.Model.Recipes;

namespace Baka.Verification;

/// <summary>The largest difference from the reference beside its tolerance, each as a share of the reference.</summary>
internal readonly record struct Deviation(string Where, double Error, double Tolerance)
{
    // The noise is a sample, and kernels round a few times inside.
    private const double Margin = 4;

    public bool IsTolerable => Error <= Tolerance;

    public double Weight => double.IsNaN(Error) ? double.PositiveInfinity : Error / Math.Max(Tolerance, double.Epsilon);

    /// <summary>The worst of several results, each by its root of squares and by its largest element.</summary>
    /// <param name="exact">The reference's results.</param>
    /// <param name="noisy">The same, several times, with rounding noise.</param>
    public static Deviation Worst(Precision precision, IReadOnlyList<Measured> exact, IReadOnlyList<IReadOnlyList<Measured>> noisy, IReadOnlyList<Measured> actual)
    {
        var worst = new Deviation("", 0, 0);
        for (var i = 0; i < exact.Count; i++)
        {
            var unit = exact[i].IsWide ? Rounding.Wide(exact[i].Values.Length) : Rounding.OfStorage(precision, exact[i].Values.Length);
            foreach (var norm in (Func<float[], float[]?, double>[])[Norms.Square, Norms.Largest])
            {
                var size = norm(exact[i].Values, null);
                var noise = noisy.Max(sample => norm(exact[i].Values, sample[i].Values));
                var scale = size > 0 ? size : 1;
                var found = new Deviation(exact[i].Name, norm(exact[i].Values, actual[i].Values) / scale, Margin * (noise + unit * size) / scale);
                worst = found.Weight > worst.Weight || worst.Where.Length == 0 ? found : worst;
            }
        }

        return worst;
    }

    private static class Norms
    {
        /// <summary>√Σ(a − b)², or √Σa².</summary>
        public static double Square(float[] a, float[]? b)
        {
            var sum = 0.0;
            for (var i = 0; i < a.Length; i++)
            {
                var difference = a[i] - (double)(b?[i] ?? 0);
                sum += difference * difference;
            }

            return Math.Sqrt(sum);
        }

        /// <summary>max |a − b|, or max |a|; NaN if there is one.</summary>
        public static double Largest(float[] a, float[]? b)
        {
            var largest = 0.0;
            for (var i = 0; i < a.Length; i++)
            {
                largest = Math.Max(largest, Math.Abs(a[i] - (double)(b?[i] ?? 0)));
            }

            return largest;
        }
    }
}
