using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class LinearCrossEntropyTests
{
    [Theory]
    [InlineData(1, 1, 1, 1, 1, 512)]
    [InlineData(7, 5, 3, 7, 2, 512)]
    [InlineData(13, 24, 37, 4, 3, 256)]
    [InlineData(40, 8, 301, 17, 2, 128)]
    [InlineData(58, 70, 130, 24, 3, 512)]
    public void Loss_and_gradients_equal_their_definition(int rows, int width, int vocabulary, int chunkRows, int threads, int bits)
    {
        var random = new Random(rows);
        var x = TestRows.Random(random, 1, rows, width);
        var dx = new TestRows(1, rows, width);
        var (w, dw) = (TestMemory.Random(random, vocabulary * width), new TestMemory(vocabulary * width));
        var (loss, lossAlone, correct, g) = (new TestMemory(rows), new TestMemory(rows), new TestMemory(rows), TestMemory.Random(random, rows));
        var targets = new TestIntegers([.. Enumerable.Range(0, rows).Select(i => i % 7 == 3 ? -1 : random.Next(vocabulary))]);
        var inputs = x.ToArray();

        // What an ignored row holds must not matter.
        for (var row = 3; row < rows; row += 7)
        {
            new Span<float>(x.View.At(row), width).Fill(float.NaN);
            g.Data[row] = float.NaN;
        }

        using var team = new ThreadTeam(threads);
        using var forward = new LinearCrossEntropy(rows, width, vocabulary, backward: false, chunkRows)
        {
            VectorBits = bits, Input = x.View, Weight = w.Pointer, Targets = targets.Pointer, Loss = lossAlone.Pointer, Correct = correct.Pointer,
        };
        using var both = new LinearCrossEntropy(rows, width, vocabulary, backward: true, chunkRows)
        {
            VectorBits = bits,
            Input = x.View,
            Weight = w.Pointer,
            Targets = targets.Pointer,
            Loss = loss.Pointer,
            LossGradient = g.Pointer,
            InputGradient = dx.View,
            WeightGradient = dw.Pointer,
        };
        forward.Run(team);
        both.Run(team);

        var (nll, dInput, dWeight) = Reference(inputs, w.Data.ToDoubles(), targets.Data, g.Data, width, vocabulary);
        Close.Assert(nll, lossAlone.Data.ToDoubles(), 2e-6, "loss");
        Assert.Equal(lossAlone.Data, loss.Data);
        Close.Assert(dInput, dx.ToArray(), 1e-5, "dx");
        Close.Assert(dWeight, dw.Data.ToDoubles(), 1e-5, "dw");
        Assert.Equal(targets.Data.Select((target, row) => target >= 0 && target == Argmax(inputs, w.Data.ToDoubles(), row, width, vocabulary) ? 1f : 0), correct.Data);
        dx.AssertMarginsUntouched();
    }

    [Theory]
    [InlineData(128)]
    [InlineData(512)]
    public void Of_equal_logits_the_first_is_the_argmax(int bits)
    {
        // Tokens 2, 5 and 40 are equally likely, the rest less.
        const int Vocabulary = 41;
        var (x, w) = (new TestRows(1, 4, 1), new TestMemory(Vocabulary));
        for (var row = 0; row < 4; row++)
        {
            *x.View.At(row) = 1;
        }

        w.Data.AsSpan().Clear();
        foreach (var token in (int[])[2, 5, 40])
        {
            w.Data[token] = 3;
        }

        var (loss, correct) = (new TestMemory(4), new TestMemory(4));
        using var team = new ThreadTeam(1);
        using var kernel = new LinearCrossEntropy(4, 1, Vocabulary, backward: false)
        {
            VectorBits = bits, Input = x.View, Weight = w.Pointer, Targets = new TestIntegers(5, 2, 40, 0).Pointer, Loss = loss.Pointer, Correct = correct.Pointer,
        };
        kernel.Run(team);
        Assert.Equal([0, 1, 0, 0], correct.Data);
    }

    [Fact]
    public void The_gradient_equals_finite_differences()
    {
        const int Rows = 4, Width = 5, Vocabulary = 6;
        var random = new Random(8);
        var (x, dx) = (TestRows.Random(random, 1, Rows, Width), new TestRows(1, Rows, Width));
        var (w, dw) = (TestMemory.Random(random, Vocabulary * Width), new TestMemory(Vocabulary * Width));
        var (loss, g) = (new TestMemory(Rows), TestMemory.Random(random, Rows));
        var targets = new TestIntegers(2, -1, 0, 5);
        using var team = new ThreadTeam(2);
        using var kernel = new LinearCrossEntropy(Rows, Width, Vocabulary, backward: true)
        {
            Input = x.View,
            Weight = w.Pointer,
            Targets = targets.Pointer,
            Loss = loss.Pointer,
            LossGradient = g.Pointer,
            InputGradient = dx.View,
            WeightGradient = dw.Pointer,
        };
        kernel.Run(team);

        var (inputs, weights) = (x.ToArray(), w.Data.ToDoubles());
        double Loss() => Reference(inputs, weights, targets.Data, g.Data, Width, Vocabulary).Loss.Zip(g.Data, (l, up) => l * up).Sum();
        Close.Assert(Differences.Of(Loss, inputs), dx.ToArray(), 1e-5, "dx");
        Close.Assert(Differences.Of(Loss, weights), dw.Data.ToDoubles(), 1e-5, "dw");
    }

    [Fact]
    public void When_every_row_is_ignored_all_is_zero()
    {
        var (x, dx) = (new TestRows(1, 3, 4), new TestRows(1, 3, 4));
        var (w, dw, loss, g) = (new TestMemory(20), new TestMemory(20), new TestMemory(3), new TestMemory(3));
        using var team = new ThreadTeam(2);
        using var kernel = new LinearCrossEntropy(3, 4, 5, backward: true)
        {
            Input = x.View,
            Weight = w.Pointer,
            Targets = new TestIntegers(-1, -1, -1).Pointer,
            Loss = loss.Pointer,
            LossGradient = g.Pointer,
            InputGradient = dx.View,
            WeightGradient = dw.Pointer,
        };
        kernel.Run(team);
        Assert.All(dx.ToArray().Concat(dw.Data.ToDoubles()).Concat(loss.Data.ToDoubles()), value => Assert.Equal(0.0, value));
    }

    [Fact]
    public void A_target_outside_the_vocabulary_is_refused()
    {
        using var team = new ThreadTeam(1);
        using var kernel = new LinearCrossEntropy(2, 4, 5, backward: false) { Targets = new TestIntegers(0, 5).Pointer };
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.Run(team));
    }

    [Fact]
    public void A_steady_run_allocates_nothing()
    {
        var random = new Random(1);
        var x = TestRows.Random(random, 1, 9, 4);
        var (w, loss, correct) = (TestMemory.Random(random, 28), new TestMemory(9), new TestMemory(9));
        using var team = new ThreadTeam(1);
        using var kernel = new LinearCrossEntropy(9, 4, 7, backward: false)
        {
            Input = x.View, Weight = w.Pointer, Targets = new TestIntegers(0, 1, 2, 3, 4, 5, 6, -1, 0).Pointer, Loss = loss.Pointer, Correct = correct.Pointer,
        };
        kernel.Run(team);
        var before = GC.GetAllocatedBytesForCurrentThread();
        kernel.Run(team);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static int Argmax(double[] x, double[] w, int row, int width, int vocabulary) =>
        Enumerable.Range(0, vocabulary).MaxBy(token => Enumerable.Range(0, width).Sum(i => x[row * width + i] * w[token * width + i]));

    private static (double[] Loss, double[] DX, double[] DW) Reference(double[] x, double[] w, int[] targets, float[] g, int width, int vocabulary)
    {
        var (loss, dx, dw) = (new double[targets.Length], new double[x.Length], new double[w.Length]);
        for (var row = 0; row < targets.Length; row++)
        {
            if (targets[row] < 0)
            {
                continue;
            }

            var logits = new double[vocabulary];
            for (var token = 0; token < vocabulary; token++)
            {
                for (var i = 0; i < width; i++)
                {
                    logits[token] += x[row * width + i] * w[token * width + i];
                }
            }

            var max = logits.Max();
            var sum = logits.Sum(l => Math.Exp(l - max));
            loss[row] = max + Math.Log(sum) - logits[targets[row]];
            for (var token = 0; token < vocabulary; token++)
            {
                var gradient = g[row] * (Math.Exp(logits[token] - max) / sum - (token == targets[row] ? 1 : 0));
                for (var i = 0; i < width; i++)
                {
                    dx[row * width + i] += gradient * w[token * width + i];
                    dw[token * width + i] += gradient * x[row * width + i];
                }
            }
        }

        return (loss, dx, dw);
    }
}
