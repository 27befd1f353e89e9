using Baka.Cpu.Kernels;

namespace Baka.Cpu.Tests.Kernels;

/// <summary>Windowed attention by its definition, in f64, for tests.</summary>
internal sealed class AttentionReference(AttentionShape shape, double theta, int[] first, int[] last, int[] queryPosition)
{
    private int Row => shape.Heads * shape.HeadWidth;

    /// <summary>o and log-sum-exp.</summary>
    /// <param name="k">Keys of the stream: [B, P + W·S, h·f].</param>
    /// <param name="foreignK">What windows see of keys outside their own; the same array unless gradients are taken apart.</param>
    public (double[] O, double[] LogSumExp) Forward(double[] q, double[] k, double[] v, double[]? foreignK = null, double[]? foreignV = null)
    {
        var o = new double[q.Length];
        var lse = new double[shape.Batch * shape.Heads * shape.Queries];
        ForEachQuery((b, h, w, slot, lo, hi) =>
        {
            var query = Turned(q, QueryAt(b, h, w, slot), w * shape.Slots + queryPosition[slot]);
            var scores = new double[hi - lo + 1];
            for (var n = lo; n <= hi; n++)
            {
                var key = Turned(Pick(w, n, k, foreignK), KeyAt(b, h, n), n);
                scores[n - lo] = Dot(query, key) / Math.Sqrt(shape.HeadWidth);
            }

            var max = scores.Max();
            var sum = scores.Sum(s => Math.Exp(s - max));
            lse[(b * shape.Heads + h) * shape.Queries + w * shape.Slots + slot] = max + Math.Log(sum);
            for (var n = lo; n <= hi; n++)
            {
                for (var c = 0; c < shape.HeadWidth; c++)
                {
                    o[QueryAt(b, h, w, slot) + c] += Math.Exp(scores[n - lo] - max) / sum * Pick(w, n, v, foreignV)[KeyAt(b, h, n) + c];
                }
            }
        });
        return (o, lse);
    }

    /// <summary>Gradients of q and of the key and value streams.</summary>
    public (double[] Q, double[] K, double[] V) Backward(double[] q, double[] k, double[] v, double[] dO, bool detachPast)
    {
        var (dq, dk, dv) = (new double[q.Length], new double[k.Length], new double[v.Length]);
        var (o, lse) = Forward(q, k, v);
        ForEachQuery((b, h, w, slot, lo, hi) =>
        {
            var at = QueryAt(b, h, w, slot);
            var position = w * shape.Slots + queryPosition[slot];
            var query = Turned(q, at, position);
            var dQuery = new double[shape.HeadWidth];
            var delta = Enumerable.Range(0, shape.HeadWidth).Sum(c => dO[at + c] * o[at + c]);
            for (var n = lo; n <= hi; n++)
            {
                var key = Turned(k, KeyAt(b, h, n), n);
                var scale = 1 / Math.Sqrt(shape.HeadWidth);
                var p = Math.Exp(Dot(query, key) * scale - lse[(b * shape.Heads + h) * shape.Queries + w * shape.Slots + slot]);
                var dp = Enumerable.Range(0, shape.HeadWidth).Sum(c => dO[at + c] * v[KeyAt(b, h, n) + c]);
                var ds = p * (dp - delta) * scale;
                var takes = !detachPast || IsOwn(w, n);
                var dKey = new double[shape.HeadWidth];
                for (var c = 0; c < shape.HeadWidth; c++)
                {
                    dQuery[c] += ds * key[c];
                    dKey[c] = ds * query[c];
                    dv[KeyAt(b, h, n) + c] += takes ? p * dO[at + c] : 0;
                }

                dKey = Turned(dKey, 0, -n);
                for (var c = 0; c < shape.HeadWidth; c++)
                {
                    dk[KeyAt(b, h, n) + c] += takes ? dKey[c] : 0;
                }
            }

            Turned(dQuery, 0, -position).CopyTo(dq, at);
        });
        return (dq, dk, dv);
    }

    /// <summary>Whether a query sees a key of the stream.</summary>
    public bool Sees(int b, int w, int slot, int n) =>
        n >= w * shape.Slots + Math.Max(0, first[b * shape.Windows + w]) && n <= w * shape.Slots + Math.Min(last[slot], shape.Past + shape.Slots - 1);

    public int QueryAt(int b, int h, int w, int slot) => (b * shape.Queries + w * shape.Slots + slot) * Row + h * shape.HeadWidth;

    public int KeyAt(int b, int h, int n) => (b * shape.Keys + n) * Row + h * shape.HeadWidth;

    private bool IsOwn(int w, int n) => n >= shape.Past + w * shape.Slots && n < shape.Past + (w + 1) * shape.Slots;

    private double[] Pick(int w, int n, double[] own, double[]? foreign) => foreign == null || IsOwn(w, n) ? own : foreign;

    private void ForEachQuery(Action<int, int, int, int, int, int> action)
    {
        for (var b = 0; b < shape.Batch; b++)
        {
            for (var h = 0; h < shape.Heads; h++)
            {
                for (var w = 0; w < shape.Windows; w++)
                {
                    for (var slot = 0; slot < shape.Slots; slot++)
                    {
                        var seen = Enumerable.Range(0, shape.Keys).Where(n => Sees(b, w, slot, n)).ToArray();
                        if (seen.Length > 0)
                        {
                            action(b, h, w, slot, seen[0], seen[^1]);
                        }
                    }
                }
            }
        }
    }

    private double[] Turned(double[] x, int at, int position)
    {
        var result = x.AsSpan(at, shape.HeadWidth).ToArray();
        for (var i = 0; theta > 0 && i < shape.HeadWidth; i += 2)
        {
            var (sin, cos) = Math.SinCos(position * Math.Pow(theta, -(double)i / shape.HeadWidth));
            (result[i], result[i + 1]) = (result[i] * cos - result[i + 1] * sin, result[i + 1] * cos + result[i] * sin);
        }

        return result;
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
