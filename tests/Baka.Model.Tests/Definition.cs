using Baka.Model.Recipes;

namespace Baka.Model.Tests;

/// <summary>
/// The model as the specification words it, for one document, slot by slot in double precision: what does not exist
/// is left out instead of masked.
/// </summary>
internal sealed class Definition(ModelRecipe recipe, IReadOnlyDictionary<string, float[]> weights)
{
    private readonly int _d = recipe.Dim;
    private readonly List<double[]>[] _pastInputs = [.. Enumerable.Range(0, recipe.Layers.Count).Select(_ => new List<double[]>())];
    private readonly List<List<(double[] Key, double[] Value)>>[] _pastSlots =
        [.. Enumerable.Range(0, recipe.Layers.Count).Select(_ => new List<List<(double[], double[])>>())];

    private List<double[]> _written = [];

    /// <summary>Log-likelihoods of the tokens after the first, window by window.</summary>
    public List<double> Nll(int[] tokens)
    {
        var layout = new SlotLayout(recipe);
        var result = new List<double>();
        for (var start = 0; start < tokens.Length; start += recipe.Window)
        {
            var pauses = new int[recipe.Pause.Count];
            if (pauses.Length > 0)
            {
                layout.PlacePauses((ulong)(start / recipe.Window), pauses);
            }

            var hidden = Window(tokens.AsSpan(start, recipe.Window).ToArray(), pauses, isFirst: start == 0);
            for (var i = 0; i < hidden.Count && start + i + 1 < tokens.Length; i++)
            {
                var logits = Linear(recipe.Tie ? "embed" : "lm_head", Norm(recipe.Norm.Kind, "norm_out", hidden[i]));
                result.Add(Math.Log(logits.Sum(l => Math.Exp(l - logits[tokens[start + i + 1]]))));
            }
        }

        return result;
    }

    private List<double[]> Window(int[] tokens, int[] pauses, bool isFirst)
    {
        var m = recipe.Memory.Tokens;
        var memory = Memory(isFirst);
        var x = new List<double[]>();
        x.AddRange(isFirst ? [] : memory);
        var read = x.Count;
        var places = new List<int>();
        for (var t = 0; t < tokens.Length; t++)
        {
            if (pauses.Contains(t))
            {
                x.Add(Row("pause.weight", 0));
            }

            places.Add(x.Count);
            x.Add(Row("embed.weight", tokens[t]));
        }

        x.AddRange(memory);
        for (var layer = 0; layer < recipe.Layers.Count; layer++)
        {
            x = Layer(layer, x, read, isFirst);
        }

        _written = [.. x[^m..].Select(v => v.Chunk(v.Length / recipe.Heads).SelectMany(head => head.Take(_d / recipe.Heads)).ToArray())];
        return [.. places.Select(p => x[p])];
    }

    private List<double[]> Memory(bool isFirst)
    {
        var m = recipe.Memory.Tokens;
        var initial = Enumerable.Range(0, m).Select(i => Row("memory.weight", i)).ToList();
        if (isFirst)
        {
            return initial;
        }

        var margin = recipe.Memory.Margin;
        return [.. Solidified(_written).Select((x, i) => i < margin || i >= m - margin ? initial[i] : x)];
    }

    private List<double[]> Solidified(List<double[]> x)
    {
        const string Name = "memory.solidifier";
        switch (recipe.Memory.Solidifier)
        {
            case Solidifier.Glu:
                return [.. x.Select(v => Add(v, Times(Linear($"{Name}.a", v), Linear($"{Name}.b", v).Select(Sigmoid))))];
            case Solidifier.Gelephant:
                return [.. x.Select(v => Add(v, Times(Linear($"{Name}.a", v), Linear($"{Name}.b", v).Select(z => Elephant(z, 1, 8)))))];
            case Solidifier.Mlp:
                return [.. x.Select(v => Mlp(Name, v))];
            case Solidifier.Mixer:
                var normed = x.Select(v => Norm(NormKind.Layer, $"{Name}.slots_norm", v)).ToArray();
                var m = x.Count;
                var map = weights[$"{Name}.slots.weight"];
                var mixed = Enumerable.Range(0, m).Select(i => Enumerable.Range(0, _d).Select(j =>
                    Enumerable.Range(0, m).Sum(s => map[i * m + s] * normed[s][j])).ToArray());
                return [.. mixed.Select((v, i) => Add(x[i], Linear($"{Name}.width", Norm(NormKind.Layer, $"{Name}.width_norm", v))))];
            default:
                return x;
        }
    }

    private List<double[]> Layer(int layer, List<double[]> x, int read, bool isFirst)
    {
        var name = $"layers.{layer}";
        var width = _d + layer * recipe.Fanout.Step;
        var hidden = recipe.Layers.Groups.SelectMany(g => Enumerable.Repeat(g.Hidden ?? recipe.Mlp.Hidden, g.Count)).ElementAt(layer);
        x = [.. x.Select(v => v.Chunk(v.Length / recipe.Heads).SelectMany(head => head.Concat(new double[width / recipe.Heads - head.Length])).ToArray())];
        List<double[]> Normed(string branch) =>
            [.. x.Select(v => Norm(recipe.Norm.Kind, recipe.Norm.Split ? $"{name}.norm.{branch}" : $"{name}.norm", v))];
        List<double[]> Gated(Branch branch, string part, List<double[]> n, List<double[]> y) =>
            recipe.Gate.Of.Contains(branch) ? [.. y.Select((v, i) => Gate($"{name}.gates.{part}", n[i], v))] : y;

        var n = Normed("attn");
        var sum = Sum(x, Gated(Branch.Attn, "attn", n, Attention(layer, n, read)));
        if (hidden > 0)
        {
            n = Normed("mlp");
            var maps = $"layers.{recipe.Mlp.Share?.IndexOf(recipe.Mlp.Share[layer]) ?? layer}.mlp";
            sum = Sum(sum, Gated(Branch.Mlp, "mlp", n, [.. n.Select(v => Mlp(maps, v, recipe.Mlp.Lora > 0 ? $"{name}.mlp.lora" : null))]));
        }

        if (recipe.Step.Width > 0)
        {
            n = Normed("step");
            sum = Sum(sum, Gated(Branch.Step, "step", n, Step(layer, n, isFirst)));
        }

        return sum;
    }

    private List<double[]> Attention(int layer, List<double[]> n, int read)
    {
        var name = $"layers.{layer}.attn";
        var windows = _pastSlots[layer];
        var own = n.Select(v => (QueryOrKey(name, "k", v), Linear($"{name}.v", v))).ToList();
        var stream = new List<(double[] Key, double[] Value)>();
        if (recipe.Xl.Scheme != XlScheme.None)
        {
            var kept = Math.Min(recipe.Xl.Windows, windows.Count);
            if (windows.Count > kept)
            {
                stream.AddRange(windows[0].Take(recipe.Xl.Sinks));
            }

            stream.AddRange(windows.Skip(windows.Count - kept).SelectMany(w => w));
        }

        var before = stream.Count;
        stream.AddRange(own);
        windows.Add(own);
        return [.. n.Select((v, i) => Linear($"{name}.o", Attend(QueryOrKey(name, "q", v), before + i, stream, before + LastSeen(i, read, n.Count))))];
    }

    private int LastSeen(int slot, int read, int slots) => recipe.Memory.Mask == MemoryMask.Causal ? slot
        : slot < read ? read - 1
        : slot >= slots - recipe.Memory.Tokens ? slots - 1 : slot;

    private double[] Attend(double[] q, int position, List<(double[] Key, double[] Value)> stream, int last)
    {
        var o = new double[stream[0].Value.Length];
        var (f, g) = (q.Length / recipe.Heads, o.Length / recipe.Heads);
        for (var head = 0; head < recipe.Heads; head++)
        {
            var query = Rotated(q[(head * f)..((head + 1) * f)], position);
            var scores = stream.Take(last + 1)
                .Select((slot, at) => Math.Exp(Rotated(slot.Key[(head * f)..((head + 1) * f)], at).Zip(query, (a, b) => a * b).Sum() / Math.Sqrt(f)))
                .ToArray();
            for (var j = 0; j < g; j++)
            {
                o[head * g + j] = scores.Select((s, at) => s * stream[at].Value[head * g + j]).Sum() / scores.Sum();
            }
        }

        return o;
    }

    private double[] Rotated(double[] x, int position)
    {
        var y = new double[x.Length];
        for (var i = 0; i < x.Length; i += 2)
        {
            var angle = position * Math.Pow(recipe.Rope.Theta, -(double)i / x.Length);
            y[i] = x[i] * Math.Cos(angle) - x[i + 1] * Math.Sin(angle);
            y[i + 1] = x[i] * Math.Sin(angle) + x[i + 1] * Math.Cos(angle);
        }

        return y;
    }

    private double[] QueryOrKey(string attention, string which, double[] n)
    {
        var x = Linear($"{attention}.{which}", n);
        if (recipe.Attn.Negator)
        {
            double c = weights[$"{attention}.negator.weight"][0];
            x = [.. x.Chunk(x.Length / recipe.Heads).SelectMany(head => head.Concat(head.Select(v => c - v)))];
        }

        if (recipe.Attn.QkNorm == QkNorm.None)
        {
            return x;
        }

        var kind = recipe.Attn.QkNorm == QkNorm.Layer ? NormKind.Layer : NormKind.Rms;
        var width = recipe.Attn.QkNormPer == QkNormSpan.Head ? x.Length / recipe.Heads : x.Length;
        return [.. x.Chunk(width).SelectMany(part => Norm(kind, $"{attention}.{which}_norm", part))];
    }

    private List<double[]> Step(int layer, List<double[]> n, bool isFirst)
    {
        var step = recipe.Step;
        var map = step.Share switch { StepSharing.None => layer, StepSharing.Pairs => layer / 2 * 2, _ => 0 };
        List<double[]> before = step.Carry && !isFirst ? _pastInputs[layer] : [];
        List<double[]> inputs = [.. before, .. n];
        _pastInputs[layer] = inputs;
        return [.. n.Select((_, t) =>
        {
            var end = before.Count + t + 1;
            return end < step.Width || (n.Count - 1 - t) % step.Every != 0
                ? new double[n[0].Length]
                : Linear($"layers.{map}.step", [.. inputs[(end - step.Width)..end].SelectMany(v => v)]);
        })];
    }

    private double[] Mlp(string name, double[] n, string? lora = null)
    {
        double[] Map(string map, double[] x) => lora is null
            ? Linear($"{name}.{map}", x)
            : Add(Linear($"{name}.{map}", x), Linear($"{lora}.{map}.b", Linear($"{lora}.{map}.a", x)));
        var gate = Map("gate", n).Select(z => recipe.Mlp.Act switch
        {
            MlpActivation.Elephant => Elephant(z, recipe.Mlp.Elephant.A, recipe.Mlp.Elephant.P),
            MlpActivation.Silu => z * Sigmoid(z),
            MlpActivation.Gelu => z * NormalDistribution(z),
            MlpActivation.Relu => Math.Max(0, z),
            _ => Sigmoid(z),
        });
        return Map("down", Times(Map("up", n), gate));
    }

    private double[] Gate(string name, double[] n, double[] y)
    {
        var z = recipe.Gate.On switch
        {
            GateSource.Input => n,
            GateSource.Output => y,
            GateSource.Difference => [.. y.Zip(n, (a, b) => a - b)],
            _ => y.Zip(n, (a, b) => b - a).ToArray(),
        };
        return Times(y, Linear(name, z).Select(g => recipe.Gate.Fn switch
        {
            GateFunction.Relu => Math.Max(0, g),
            GateFunction.Sigmoid => Sigmoid(g),
            GateFunction.LeakyRelu => g < 0 ? 0.01 * g : g,
            GateFunction.Silu => g * Sigmoid(g),
            GateFunction.Tanh => Math.Tanh(g),
            _ => Elephant(g, 1, 8),
        }));
    }

    private double[] Norm(NormKind kind, string name, double[] x)
    {
        var mean = kind == NormKind.Layer ? x.Average() : 0;
        var scale = 1 / Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + 1e-6);
        return [.. x.Select((v, i) => (v - mean) * scale * weights[$"{name}.weight"][i])];
    }

    private double[] Linear(string name, double[] x)
    {
        var w = weights[$"{name}.weight"];
        return [.. Enumerable.Range(0, w.Length / x.Length).Select(o => x.Select((v, i) => v * w[o * x.Length + i]).Sum())];
    }

    private double[] Row(string name, int row) => [.. weights[name].Skip(row * _d).Take(_d).Select(v => (double)v)];

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double Elephant(double x, double a, double p) => 1 / (1 + Math.Pow(Math.Abs(x / a), p));

    /// <summary>Φ by Simpson's rule.</summary>
    private static double NormalDistribution(double x)
    {
        const int Parts = 400;
        double Density(double t) => Math.Exp(-t * t / 2) / Math.Sqrt(2 * Math.PI);
        var sum = Density(0) + Density(x);
        for (var i = 1; i < Parts; i++)
        {
            sum += Density(x * i / Parts) * (i % 2 == 0 ? 2 : 4);
        }

        return 0.5 + sum * x / Parts / 3;
    }

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double[] Times(double[] a, IEnumerable<double> b) => [.. a.Zip(b, (x, y) => x * y)];

    private static List<double[]> Sum(List<double[]> a, List<double[]> b) => [.. a.Zip(b, Add)];
}
