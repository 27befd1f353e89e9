using Baka.Model.Recipes;

namespace Baka.Model.Tests;

/// <summary>
/// The model as the specification words it, for one document, slot by slot in double precision: what does not exist
/// is left out instead of masked.
/// </summary>
internal sealed partial class Definition(ModelRecipe recipe, IReadOnlyDictionary<string, float[]> weights)
{
    private readonly int _d = recipe.Dim;
    private readonly List<double[]>[] _pastInputs = [.. Enumerable.Range(0, recipe.Layers.Count).Select(_ => new List<double[]>())];
    private readonly int _slots = recipe.Window + recipe.Pause.Count + recipe.MemTransformer.Tokens + 2 * recipe.Memory.Tokens;
    private readonly List<List<Slot>>[] _pastSlots = [.. Enumerable.Range(0, recipe.Layers.Count).Select(_ => new List<List<Slot>>())];

    private readonly List<double[]> _state = [];

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
        x.AddRange(Enumerable.Range(0, recipe.MemTransformer.Tokens).Select(i => Row("memtransformer.weight", i)));
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
        var attended = recipe.Mega.States > 0 ? Mega(layer, x, n, read) : Attention(layer, n, read);
        if (recipe.Recurrence.IsIn(layer, recipe.Layers.Count))
        {
            attended = Sum(attended, Recurrence($"{name}.recurrence", n, isFirst));
        }

        var sum = Sum(x, Gated(Branch.Attn, "attn", n, attended));
        if (hidden > 0)
        {
            n = Normed("mlp");
            var maps = $"layers.{recipe.Mlp.Share?.IndexOf(recipe.Mlp.Share[layer]) ?? layer}.mlp";
            var lora = recipe.Mlp.Lora > 0 ? $"{name}.mlp.lora" : null;
            sum = Sum(sum, Gated(Branch.Mlp, "mlp", n, [.. n.Select((v, i) => Of("", i, read, layer < recipe.Layers.Count - 1) == "" ? Mlp(maps, v, lora) : Mlp($"{name}.mlp.mem", v))]));
        }

        if (recipe.Step.Width > 0)
        {
            n = Normed("step");
            sum = Sum(sum, Gated(Branch.Step, "step", n, Step(layer, n, isFirst)));
        }

        var every = recipe.Mamba.Every;
        return every > 0 && layer % every == every - 1 ? Sum(sum, Mamba(layer, sum)) : sum;
    }

    private List<double[]> Attention(int layer, List<double[]> n, int read)
    {
        var name = $"layers.{layer}.attn";
        var isRead = layer < recipe.Layers.Count - 1;
        var own = n.Select((v, i) => (QueryOrKey(name, Of("k", i, read), v), Linear(Of($"{name}.v", i, read), v)));
        var queries = n.Select((v, i) => QueryOrKey(name, Of("q", i, read, isRead), v));
        var attended = recipe.Attn.Kind == AttentionKind.Linear ? Linear(layer, queries, own) : Attended(layer, queries, own, read, recipe.Heads);
        return [.. attended.Select((o, i) => Linear(Of($"{name}.o", i, read, isRead), o))];
    }

    private List<double[]> Attended(int layer, IEnumerable<double[]> queries, IEnumerable<(double[] Key, double[] Value)> keysAndValues, int read, int heads)
    {
        var window = _pastSlots[layer].Count;

        // A first window's absent read block counts as places.
        var absent = recipe.Memory.Tokens - read;
        var own = keysAndValues.Select((v, i) => new Slot(v.Key, v.Value, window, absent + i)).ToList();
        var source = _pastSlots[recipe.Xl.Source == XlSource.Below && layer > 0 ? layer - 1 : layer];
        var past = new List<Slot>();
        var (kept, sinks) = (0, 0);
        if (recipe.Xl.Scheme != XlScheme.None)
        {
            kept = Math.Min(recipe.Xl.Windows, window);
            sinks = window > kept ? recipe.Xl.Sinks : 0;
            past.AddRange(source[..(sinks > 0 ? 1 : 0)].SelectMany(w => w.Take(sinks)));
            past.AddRange(source[(window - kept)..window].SelectMany(w => w));
        }

        _pastSlots[layer].Add(own);
        List<Slot> stream = [.. past, .. own];

        // In the document, in turn at two places, or in what is seen: sinks, past windows, window.
        long Position(Slot slot, int index) => recipe.Xl.Scheme switch
        {
            XlScheme.Nope => 0,
            XlScheme.LongNoreset => slot.Window * _slots + slot.Place,
            XlScheme.FlipFlop => slot.Window % 2 * (recipe.Xl.Flip ?? (int)Math.Round(recipe.Rope.Theta / 2)) + slot.Place,
            _ => index < sinks ? index : sinks + (slot.Window - window + kept) * _slots + slot.Place,
        };
        var positions = stream.Select(Position).ToArray();
        return [.. queries.Select((q, i) =>
        {
            var position = recipe.Xl.Scheme == XlScheme.QueryZero ? own[i].Place : positions[past.Count + i];
            return Attend(q, position, stream, positions, past.Count + LastSeen(i, read, own.Count), heads);
        })];
    }

    private int LastSeen(int slot, int read, int slots)
    {
        var lead = read + recipe.MemTransformer.Tokens;
        var isWrite = slot >= slots - recipe.Memory.Tokens;
        return slot >= read && slot < lead ? lead - 1
            : recipe.MemTransformer.Bottleneck && slot >= lead && !isWrite ? lead - 1
            : recipe.Memory.Mask == MemoryMask.Causal ? slot
            : slot < read ? read - 1
            : isWrite ? slots - 1 : slot;
    }

    /// <summary>The name of a map, which [mem] slots may have of their own.</summary>
    private string Of(string name, int slot, int read, bool isRead = true) =>
        isRead && recipe.MemTransformer.Controller && slot >= read && slot < read + recipe.MemTransformer.Tokens ? $"{name}.mem" : name;

    /// <summary>What the slots read from the state, which the window then updates.</summary>
    private List<double[]> Recurrence(string name, List<double[]> n, bool isFirst)
    {
        var states = Enumerable.Range(0, recipe.Recurrence.States);
        if (isFirst)
        {
            _state.Clear();
            _state.AddRange(states.Select(i => Row($"{name}.initial.weight", i, n[0].Length)));
        }

        List<double[]> All(string map, List<double[]> x) => [.. x.Select(v => Linear($"{name}.{map}", v))];
        List<double[]> Seen(List<double[]> queries, List<double[]> keys, List<double[]> values) =>
            [.. queries.Select(q => Attend(q, 0, [.. keys.Zip(values, (k, v) => new Slot(k, v, 0, 0))], new long[keys.Count], keys.Count - 1, recipe.Heads))];

        var z = states.Select(i => Norm(recipe.Norm.Kind, $"{name}.norm", Add(_state[i], Row($"{name}.ids.weight", i, n[0].Length)))).ToList();
        var own = Seen(All("state.q", z), All("state.k", z), All("state.v", z));
        var seen = Seen(All("slots.q", z), All("slots.k", n), All("slots.v", n));
        var read = Seen(All("q", n), All("state.k", z), All("state.v", z));
        for (var i = 0; i < _state.Count; i++)
        {
            double[] h = [.. own[i], .. seen[i]];
            var next = Linear($"{name}.next", h);
            if (recipe.Recurrence.Gate == RecurrenceGate.Lstm)
            {
                var forget = Linear($"{name}.forget", h).Select(v => Sigmoid(v + 1));
                var input = Linear($"{name}.input", h).Select(v => Sigmoid(v - 1));
                _state[i] = Add(Times(_state[i], forget), Times([.. next.Select(Math.Tanh)], input));
            }
            else
            {
                var kept = weights[$"{name}.kept.weight"].Select(v => Sigmoid(v)).ToArray();
                _state[i] = Add(Times(_state[i], kept), Times(next, kept.Select(v => 1 - v)));
            }
        }

        return All("o", read);
    }

    private double[] Attend(double[] q, long position, List<Slot> stream, long[] positions, int last, int heads)
    {
        var o = new double[stream[0].Value.Length];
        var (f, g) = (q.Length / heads, o.Length / heads);
        for (var head = 0; head < heads; head++)
        {
            var query = Rotated(q[(head * f)..((head + 1) * f)], position);
            var scores = stream.Take(last + 1)
                .Select((slot, at) => Math.Exp(Rotated(slot.Key[(head * f)..((head + 1) * f)], positions[at]).Zip(query, (a, b) => a * b).Sum() / Math.Sqrt(f)))
                .ToArray();
            for (var j = 0; j < g; j++)
            {
                o[head * g + j] = scores.Select((s, at) => s * stream[at].Value[head * g + j]).Sum() / scores.Sum();
            }
        }

        return o;
    }

    private double[] Rotated(double[] x, long position)
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
        return [.. x.Chunk(width).SelectMany(part => Norm(kind, $"{attention}.{which[0]}_norm", part))];
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

    private double[] Row(string name, int row, int? width = null) => [.. weights[name].Skip(row * (width ?? _d)).Take(width ?? _d).Select(v => (double)v)];

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

    /// <param name="Window">Of the document.</param>
    /// <param name="Place">In the window.</param>
    private sealed record Slot(double[] Key, double[] Value, int Window, int Place);
}
