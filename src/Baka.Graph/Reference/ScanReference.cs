using Baka.Graph.Ops;

namespace Baka.Graph.Reference;

/// <summary><see cref="Scan"/> and its gradient state by state in double precision, with every state kept.</summary>
internal static class ScanReference
{
    public static void Forward(Evaluation evaluation, bool selective)
    {
        var at = new Coefficients(evaluation, selective);
        var (y, final, kept) = (evaluation.Floats(0), evaluation.Floats(1), evaluation.Floats(2));
        var sums = new double[y.Length];
        for (var b = 0; b < at.Rows; b++)
        {
            for (var n = 0; n < at.States; n++)
            {
                for (var c = 0; c < at.Channels; c++)
                {
                    var h = at.Trace(b, n, c);
                    for (var t = 0; t < at.Slots; t++)
                    {
                        if (t % Scan.ChunkLength == 0)
                        {
                            var chunk = b * Scan.Chunks(at.Slots) + t / Scan.ChunkLength;
                            kept[(chunk * at.States + n) * at.Channels + c] = (float)h[t];
                        }

                        sums[at.Slot(b, t, c)] += at.Readout(b, t, n, c) * h[t + 1];
                    }

                    final[at.State(b, n, c)] = (float)h[^1];
                }
            }

            at.ForEachSlot((t, c) => sums[at.Slot(b, t, c)] += at.Skip(c) * at.Added(b, t, c));
        }

        Round(sums, y);
    }

    public static void Backward(Evaluation evaluation, ScanBackward op)
    {
        var at = new Coefficients(evaluation, op.Selective);
        var dy = evaluation.In(Scan.Inputs(op.Selective) + 1);
        var dFinal = op.HasFinal ? evaluation.In(evaluation.InputCount - 1) : null;
        var sums = Enumerable.Range(0, Scan.Inputs(op.Selective) - 1).Select(i => new double[evaluation.Floats(i).Length]).ToArray();
        for (var b = 0; b < at.Rows; b++)
        {
            for (var n = 0; n < at.States; n++)
            {
                for (var c = 0; c < at.Channels; c++)
                {
                    var h = at.Trace(b, n, c);
                    double g = dFinal?[at.State(b, n, c)] ?? 0;
                    for (var t = at.Slots - 1; t >= 0; t--)
                    {
                        var (slot, shared) = (at.Slot(b, t, c), at.Shared(b, t, n));
                        var before = at.Begins(b, t) ? 0 : h[t];
                        double upstream = dy[slot];
                        g += upstream * at.Readout(b, t, n, c);
                        sums[0][slot] += g * at.Gain(b, t, n, c);
                        sums[3][op.Selective ? shared : n * at.Channels + c] += upstream * h[t + 1];
                        var decay = at.Decay(b, t, n, c);
                        if (op.Selective)
                        {
                            var exponent = g * before * decay;
                            sums[2][n * at.Channels + c] += exponent * at.Step(b, t, c);
                            sums[4][slot] += exponent * at.Rate(n, c) + g * at.Added(b, t, c) * at.SharedGain(b, t, n);
                            sums[5][shared] += g * at.Added(b, t, c) * at.Step(b, t, c);
                        }
                        else
                        {
                            sums[2][n * at.Channels + c] += g * before;
                        }

                        g = at.Begins(b, t) ? 0 : g * decay;
                    }

                    sums[1][at.State(b, n, c)] = g;
                }
            }

            if (op.Selective)
            {
                at.ForEachSlot((t, c) =>
                {
                    var slot = at.Slot(b, t, c);
                    sums[0][slot] += at.Skip(c) * dy[slot];
                    sums[4][slot] *= at.Slope(b, t, c);
                    sums[6][c] += sums[4][slot];
                    sums[7][c] += dy[slot] * at.Added(b, t, c);
                });
            }
        }

        for (var i = 0; i < sums.Length; i++)
        {
            Round(sums[i], evaluation.Floats(i));
        }
    }

    private static void Round(double[] from, float[] to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = (float)from[i];
        }
    }

    /// <summary>The inputs by row b, slot t, state n and channel c.</summary>
    private sealed class Coefficients(Evaluation evaluation, bool selective)
    {
        public int Rows { get; } = evaluation.InShape(Scan.Added)[0];

        public int Slots { get; } = evaluation.InShape(Scan.Added)[1];

        public int Channels { get; } = evaluation.InShape(Scan.Added)[2];

        public int States { get; } = evaluation.InShape(Scan.State)[1];

        public int Slot(int b, int t, int c) => (b * Slots + t) * Channels + c;

        public int State(int b, int n, int c) => (b * States + n) * Channels + c;

        public int Shared(int b, int t, int n) => (b * Slots + t) * States + n;

        public bool Begins(int b, int t) => evaluation.In(Scan.Begins)[b * Slots + t] != 0;

        public double Added(int b, int t, int c) => evaluation.In(Scan.Added)[Slot(b, t, c)];

        public double Step(int b, int t, int c) => Math.Log(1 + Math.Exp(Raw(b, t, c)));

        /// <summary>Of the step as a function of what it is given as.</summary>
        public double Slope(int b, int t, int c) => 1 / (1 + Math.Exp(-Raw(b, t, c)));

        public double Skip(int c) => selective ? evaluation.In(Scan.Skip)[c] : 0;

        public double Rate(int n, int c) => evaluation.In(Scan.Decay)[n * Channels + c];

        public double Decay(int b, int t, int n, int c) => selective ? Math.Exp(Step(b, t, c) * Rate(n, c)) : Rate(n, c);

        public double SharedGain(int b, int t, int n) => evaluation.In(Scan.Gain)[Shared(b, t, n)];

        public double Gain(int b, int t, int n, int c) => selective ? Step(b, t, c) * SharedGain(b, t, n) : 1;

        public double Readout(int b, int t, int n, int c) => evaluation.In(Scan.Readout)[selective ? Shared(b, t, n) : n * Channels + c];

        public void ForEachSlot(Action<int, int> action)
        {
            for (var t = 0; t < Slots; t++)
            {
                for (var c = 0; c < Channels; c++)
                {
                    action(t, c);
                }
            }
        }

        /// <summary>A state before the first slot and after each.</summary>
        public double[] Trace(int b, int n, int c)
        {
            var h = new double[Slots + 1];
            h[0] = evaluation.In(Scan.State)[State(b, n, c)];
            for (var t = 0; t < Slots; t++)
            {
                var added = Added(b, t, c) * Gain(b, t, n, c);
                h[t + 1] = Begins(b, t) ? added : Decay(b, t, n, c) * h[t] + added;
            }

            return h;
        }

        private double Raw(int b, int t, int c) => evaluation.In(Scan.Step)[Slot(b, t, c)] + evaluation.In(Scan.Bias)[c];
    }
}
