using Baka.Model.Recipes;

namespace Baka.Model.Tests;

/// <summary>Mamba, one slot after the other.</summary>
internal sealed partial class Definition
{
    private readonly Dictionary<int, (List<double[]> Inputs, double[,] State)> _mambas = [];

    private List<double[]> Mamba(int layer, List<double[]> x)
    {
        var name = $"layers.{layer}.mamba";
        var (channels, states) = (recipe.Mamba.Expand * x[0].Length, recipe.Mamba.State);
        if (!_mambas.TryGetValue(layer, out var past))
        {
            _mambas[layer] = past = ([], new double[states, channels]);
        }

        return [.. x.Select(v =>
        {
            var both = Linear($"{name}.in", Norm(NormKind.Layer, $"{name}.norm", v));
            past.Inputs.Add(both[..channels]);
            var u = Convolved($"{name}.conv", past.Inputs).Select(s => s * Sigmoid(s)).ToArray();
            var y = Selected(name, u, past.State);
            return Linear($"{name}.out", Times(y, both[channels..].Select(z => z * Sigmoid(z))));
        })];
    }

    private double[] Convolved(string name, List<double[]> inputs) =>
        [.. inputs[^1].Select((_, c) => weights[$"{name}.bias"][c] + Enumerable.Range(0, recipe.Mamba.Conv).Sum(back =>
            back < inputs.Count ? weights[$"{name}.weight"][(recipe.Mamba.Conv - 1 - back) * inputs[^1].Length + c] * inputs[^(back + 1)][c] : 0))];

    private double[] Selected(string name, double[] u, double[,] h)
    {
        var states = recipe.Mamba.State;
        var rank = recipe.Mamba.Rank ?? (int)Math.Ceiling(u.Length / recipe.Mamba.Expand / 16.0);
        var selected = Linear($"{name}.x", u);
        var step = Linear($"{name}.dt", selected[..rank]).Select((s, c) => Math.Log(1 + Math.Exp(s + weights[$"{name}.dt.bias"][c]))).ToArray();
        var y = new double[u.Length];
        for (var c = 0; c < u.Length; c++)
        {
            y[c] = weights[$"{name}.d"][c] * u[c];
            for (var n = 0; n < states; n++)
            {
                var rate = -Math.Exp(weights[$"{name}.a_log"][n * u.Length + c]);
                h[n, c] = Math.Exp(step[c] * rate) * h[n, c] + step[c] * u[c] * selected[rank + n];
                y[c] += selected[rank + states + n] * h[n, c];
            }
        }

        return y;
    }
}
