namespace Baka.Graph.Ops;

/// <summary>The error function in double precision, accurate to f32: series near zero, continued fraction beyond.</summary>
internal static class ErrorFunction
{
    public static float Erf(float argument)
    {
        double x = Math.Abs((double)argument);
        double result;
        if (x < 2.5)
        {
            // erf x = 2/√π · Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n+1))
            var (term, sum) = (x, x);
            for (var n = 1; n < 60 && Math.Abs(term) > 1e-18; n++)
            {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }

            result = 2 / Math.Sqrt(Math.PI) * sum;
        }
        else if (x < 6)
        {
            // erfc x = e^(−x²)/√π · 1/(x + 1/2/(x + 1/(x + 3/2/(x + …))))
            var fraction = 0.0;
            for (var n = 60; n > 0; n--)
            {
                fraction = n / 2.0 / (x + fraction);
            }

            result = 1 - Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
        }
        else
        {
            result = double.IsNaN(x) ? x : 1;
        }

        return (float)Math.CopySign(result, argument);
    }
}
