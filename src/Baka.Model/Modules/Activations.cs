using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>The pointwise functions of MLPs, gates and solidifiers.</summary>
internal static class Activations
{
    /// <summary>1 / (1 + |x/a|^p) (arXiv 2310.01365).</summary>
    public static Tensor Elephant(this Tensor x, double a = 1, double p = 8)
    {
        var scaled = a == 1 ? x : x / (float)a;
        return (1f + scaled.AbsPower(p)).Reciprocal();
    }

    public static Tensor Relu(this Tensor x) => x.Maximum(0f);

    public static Tensor LeakyRelu(this Tensor x) => x.Maximum(x * 0.01f);

    public static Tensor Silu(this Tensor x) => x * x.Sigmoid();

    /// <summary>x Φ(x), exactly.</summary>
    public static Tensor Gelu(this Tensor x) => x * 0.5f * (1f + (x / MathF.Sqrt(2)).Erf());

    /// <summary>|x|^p. Even whole powers are products, which are exact, cheap and have a gradient of 0 at 0.</summary>
    private static Tensor AbsPower(this Tensor x, double p)
    {
        if (p % 2 != 0 || p > 64)
        {
            // The bound keeps log and its gradient finite at 0.
            return (x.Abs().Maximum(1e-20f).Log() * (float)p).Exp();
        }

        var square = x * x;
        Tensor? result = null;
        for (var exponent = (int)p / 2; exponent > 0; exponent /= 2)
        {
            if (exponent % 2 == 1)
            {
                result = result is null ? square : result * square;
            }

            if (exponent > 1)
            {
                square *= square;
            }
        }

        return result!;
    }
}
