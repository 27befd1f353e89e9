namespace Baka.Model.Tests;

/// <summary>Mega by the equations of its paper, one slot after the other.</summary>
internal sealed partial class Definition
{
    private readonly Dictionary<int, double[,]> _averages = [];

    private List<double[]> Mega(int layer, List<double[]> x, List<double[]> n, int read)
    {
        var name = $"layers.{layer}.mega";
        var averaged = Averaged(layer, $"{name}.ema", n);
        var shared = averaged.Select(a => Silu(Linear($"{name}.z", a))).ToList();
        double[] View(string which, double[] z) => [.. z.Select((s, i) => weights[$"{name}.{which}.scale"][i] * s + weights[$"{name}.{which}.shift"][i])];
        var own = n.Select((v, i) => (View("k", shared[i]), Silu(Linear($"{name}.v", v)))).ToList();
        return [.. Attended(layer, shared.Select(z => View("q", z)), own, read, heads: 1).Select((o, i) =>
        {
            var gated = Times(Silu(Linear($"{name}.reset", averaged[i])), o);
            var candidate = Silu(Add(Linear($"{name}.h", averaged[i]), Linear($"{name}.u", gated)));
            var update = Linear($"{name}.update", averaged[i]).Select(Sigmoid);
            return Times(candidate.Zip(x[i], (a, b) => a - b).ToArray(), update);
        })];
    }

    private List<double[]> Averaged(int layer, string name, List<double[]> x)
    {
        var states = recipe.Mega.States;
        if (!_averages.TryGetValue(layer, out var h))
        {
            _averages[layer] = h = new double[states, x[0].Length];
        }

        return [.. x.Select(v => v.Select((value, c) =>
        {
            var y = 0.0;
            for (var s = 0; s < states; s++)
            {
                var at = s * x[0].Length + c;
                var (alpha, delta) = (Sigmoid(weights[$"{name}.alpha"][at]), Sigmoid(weights[$"{name}.delta"][at]));
                h[s, c] = alpha * weights[$"{name}.beta"][at] * value + (1 - alpha * delta) * h[s, c];
                y += weights[$"{name}.eta"][at] * h[s, c];
            }

            return y;
        }).ToArray())];
    }

    private static double[] Silu(double[] x) => [.. x.Select(v => v * Sigmoid(v))];
}
