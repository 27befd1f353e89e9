using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class StepForwardTests
{
    [Fact]
    public void Every_position_that_is_reached_equals_its_definition_and_the_gradient_its_transpose()
    {
        var random = new Random(5);
        foreach (var steps in new[] { 1, 2, 4 })
        {
            foreach (var stride in new[] { 1, 3, 4 })
            {
                foreach (var history in new[] { 0, steps - 1 }.Distinct())
                {
                    foreach (var length in new[] { 1, 3, 8, 9 })
                    {
                        Check(new StepForwardShape(3, history, length, 5, 6, steps, stride), random);
                    }
                }
            }
        }
    }

    private static void Check(StepForwardShape shape, Random random)
    {
        var (x, dx) = (TestMemory.Random(random, shape.Groups * shape.InputRows * shape.InputWidth), new TestMemory(shape.Groups * shape.InputRows * shape.InputWidth));
        var (w, dw) = (TestMemory.Random(random, shape.OutputWidth * shape.UnfoldedWidth), new TestMemory(shape.OutputWidth * shape.UnfoldedWidth));
        var (dy, y) = (TestMemory.Random(random, shape.Groups * shape.Length * shape.OutputWidth), new TestMemory(shape.Groups * shape.Length * shape.OutputWidth));
        var (expected, dInput, dWeight) = (new double[y.Data.Length], new double[dx.Data.Length], new double[dw.Data.Length]);
        for (var group = 0; group < shape.Groups; group++)
        {
            for (var t = 0; t < shape.Length; t++)
            {
                var oldest = shape.History + t - shape.Steps + 1;
                var isComputed = oldest >= 0 && (shape.Length - 1 - t) % shape.Stride == 0;
                for (var o = 0; o < shape.OutputWidth; o++)
                {
                    var at = (group * shape.Length + t) * shape.OutputWidth + o;
                    if (!isComputed)
                    {
                        dy.Data[at] = float.NaN;
                        continue;
                    }

                    for (var i = 0; i < shape.UnfoldedWidth; i++)
                    {
                        var (from, weight) = ((group * shape.InputRows + oldest) * shape.InputWidth + i, o * shape.UnfoldedWidth + i);
                        expected[at] += (double)w.Data[weight] * x.Data[from];
                        dInput[from] += (double)w.Data[weight] * dy.Data[at];
                        dWeight[weight] += (double)x.Data[from] * dy.Data[at];
                    }
                }
            }
        }

        using var team = new ThreadTeam(2);
        using var forward = new StepForward(shape) { Input = x.Pointer, Weight = w.Pointer, Output = y.Pointer };
        using var backward = new StepBackward(shape)
        {
            Input = x.Pointer, Weight = w.Pointer, OutputGradient = dy.Pointer, InputGradient = dx.Pointer, WeightGradient = dw.Pointer,
        };
        forward.Run(team);
        backward.Run(team);
        Close.Assert(expected, y.Data.ToDoubles(), 1e-5, $"y of {shape}");
        Close.Assert(dInput, dx.Data.ToDoubles(), 1e-5, $"dx of {shape}");
        Close.Assert(dWeight, dw.Data.ToDoubles(), 1e-5, $"dW of {shape}");
    }
}
