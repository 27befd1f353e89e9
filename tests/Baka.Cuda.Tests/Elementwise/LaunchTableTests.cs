using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Elementwise.ElementwiseLoweringTests;

namespace Baka.Cuda.Tests.Elementwise;

public sealed class LaunchTableTests
{
    private static readonly View Factor = new(new Storage(StorageKind.Input, "factor", Element.Float32, 1), new Shape(1));

    [Fact]
    public void Neighbors_with_one_function_become_one_launch_with_a_table()
    {
        var (first, second, third) = (Scaling(new Shape(4096)), Scaling(new Shape(10)), Scaling(new Shape(20, 768)));
        var lowered = Lower(first, second, third);

        // Vectors of the second are narrower.
        Assert.Equal([2, 1], lowered.Select(l => l.Steps.Count));
        var launch = Assert.IsType<Launch>(Assert.Single(lowered[0].Operations));
        Assert.Equal(new Grid(4 + 15), launch.Grid);
        Assert.Contains(
            """
            struct Calls
            {
                struct
                {
                    alignas(8) u32 first;
                    alignas(8) const float* x0;
                    alignas(8) float* y0;
                    alignas(8) u32 vectors;
                } at[2];
            };

            // Over [n], a thread for 4 neighbors.
            extern "C" __global__ void __launch_bounds__(256) elementwise(
                const __grid_constant__ Calls calls,
                const float* x1) // strides (0)
            {
                // The last call that begins with this block or one before it.
                u32 call = 0;
            #pragma unroll
                for (u32 step = 1; step > 0; step /= 2)
                    if (call + step < 2 && calls.at[call + step].first <= blockIdx.x)
                        call += step;

                const float* x0 = calls.at[call].x0;
                float* y0 = calls.at[call].y0;
                u32 vectors = calls.at[call].vectors;
                const u32 block = blockIdx.x - calls.at[call].first;
                const u32 vector = (u32)block * 256 + threadIdx.x;
            """,
            launch.Kernel.Source);
        Assert.Equal(
            [
                new Argument.Int(0), first.Inputs[0], first.Outputs[0], new Argument.Int(1024),
                new Argument.Int(4), third.Inputs[0], third.Outputs[0], new Argument.Int(3840),
            ],
            Assert.IsType<Argument.Struct>(launch.Arguments[0]).Members);
        Assert.Equal((Argument)first.Inputs[1], launch.Arguments[1]);
    }

    [Fact]
    public void What_reads_what_another_writes_comes_after_it()
    {
        var first = Scaling(new Shape(64));
        var reader = first with { Inputs = [first.Outputs[0], first.Inputs[1]], Outputs = [Apart(new Shape(64))] };
        var overwriter = first with { Inputs = [Apart(new Shape(64)), first.Inputs[1]], Outputs = [first.Inputs[0]] };
        Assert.Equal([1, 1], Lower(first, reader).Select(l => l.Steps.Count));
        Assert.Equal([1, 1], Lower(first, overwriter).Select(l => l.Steps.Count));
        Assert.Equal([2], Lower(reader, Scaling(new Shape(64))).Select(l => l.Steps.Count));
    }

    [Fact]
    public void Storages_that_share_a_place_in_the_arena_are_not_written_at_once()
    {
        Step InArena(long offset)
        {
            var step = Scaling(new Shape(64)) with { Outputs = [Dense(Element.Float32, new Shape(64))] };
            step.Outputs[0].Storage.Offset = offset;
            return step;
        }

        var (a, b, c) = (InArena(0), InArena(128), InArena(512));
        Assert.Equal([1, 1], Lower(a, b).Select(l => l.Steps.Count));
        Assert.Equal([2], Lower(a, c).Select(l => l.Steps.Count));
    }

    [Fact]
    public void A_table_takes_no_more_than_parameters_may()
    {
        var lowered = Lower([.. Enumerable.Range(0, 300).Select(_ => Scaling(new Shape(768)))]);
        var launches = Assert.Single(lowered).Operations.Cast<Launch>().ToArray();
        Assert.Equal(300, launches.Sum(l => l.Grid.X));
        Assert.All(launches, l => Assert.InRange(((Argument.Struct)l.Arguments[0]).Members.Count + l.Arguments.Count - 1, 1, 512));
        Assert.True(launches.Length < 4);
    }

    /// <summary>y = x · factor.</summary>
    private static Step Scaling(Shape shape)
    {
        var op = new FusedElementwise([new(new Binary(BinaryFunction.Multiply), [Operand.Input(0), Operand.Input(1)])], [0], [shape]);
        return new Step(op, "test", [Apart(shape), new View(Factor.Storage, 0, shape, new long[shape.Rank])], [Apart(shape)]);
    }

    /// <summary>A tensor in a storage of its own.</summary>
    private static View Apart(Shape shape) => new(new Storage(StorageKind.Variable, "apart", Element.Float32, shape.Count), shape);

    private static IReadOnlyList<LoweredStep> Lower(params Step[] steps) => PlanLowering.Join(steps.Select(new StepLowering(new LoweringContext(DeviceProfile.H100)).Lower));
}
