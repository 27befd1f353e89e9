namespace Baka.Model.Tests;

/// <summary>PermuteFormer by its definition: a weight for every pair of slots of the document.</summary>
internal sealed partial class Definition
{
    private readonly Dictionary<int, List<(double[] Key, double[] Value)>> _seen = [];

    private List<double[]> Linear(int layer, IEnumerable<double[]> queries, IEnumerable<(double[] Key, double[] Value)> keysAndValues)
    {
        if (!_seen.TryGetValue(layer, out var seen))
        {
            _seen[layer] = seen = [];
        }

        return [.. queries.Zip(keysAndValues, (q, own) =>
        {
            seen.Add(own);
            var i = seen.Count - 1;
            return Enumerable.Range(0, recipe.Heads).SelectMany(head =>
            {
                var query = Feature(q, head, i);
                var weights = seen.Select((slot, j) => Ratio(head, i - j) * Feature(slot.Key, head, j).Zip(query, (a, b) => a * b).Sum()).ToArray();
                var width = own.Value.Length / recipe.Heads;
                return Enumerable.Range(head * width, width).Select(c => weights.Zip(seen, (w, slot) => w * slot.Value[c]).Sum() / weights.Sum());
            }).ToArray();
        })];
    }

    private double Ratio(int head, int distance) => recipe.Attn.Fade ? Math.Pow(Sigmoid(2 + 3.0 * head / recipe.Heads), distance) : 1;

    /// <summary>φ(x), permuted as often as the slot says.</summary>
    private double[] Feature(double[] x, int head, int slot)
    {
        var f = x.Length / recipe.Heads;
        var features = x[(head * f)..((head + 1) * f)].Select(v => Math.Max(0, v) + 1e-3).ToArray();
        var permutation = Permutation(head, f);
        for (var i = 0; i < slot && recipe.Attn.Permute; i++)
        {
            features = [.. permutation.Select(from => features[from])];
        }

        return features;
    }

    /// <summary>Where each feature comes from: cycles whose lengths SplitMix64 draws, beginning with the head's number.</summary>
    private static int[] Permutation(int head, int width)
    {
        var (seed, from) = ((ulong)head, new List<int>());
        while (from.Count < width)
        {
            var (begin, length) = (from.Count, 1 + (int)(SplitMix64.Next(ref seed) % (ulong)(width - from.Count)));
            from.Add(begin + length - 1);
            from.AddRange(Enumerable.Range(begin, length - 1));
        }

        return [.. from];
    }
}
