using Baka.Compiler.Plans;
using Baka.Cuda.Execution;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Verification.Models;

namespace Baka.Cuda.Tests.Execution;

public sealed class CudaPlannerTests
{
    public static TheoryData<string> Recipes => [.. ModelCases.Zoo.Keys, .. ModelCases.Large.Keys];

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Every_technique_has_kernels_for_training_evaluation_and_generation(string name)
    {
        var model = new LanguageModel(ModelCases.Zoo.GetValueOrDefault(name) ?? ModelCases.Large[name]);
        foreach (var precision in Enum.GetValues<Precision>())
        {
            using var planner = Planner(precision);
            using var training = TrainingProgram.Create(planner, model, new TrainRecipe(), 2, 2);
            using var evaluation = EvaluationProgram.Create(planner, model, 1, 2);
            using var generator = Generator.Create(planner, model);
            Assert.True(planner.Plans.Count >= 7 && planner.KernelCount > 10);
        }
    }

    [Theory]
    [InlineData("attn")]
    [InlineData("step")]
    [InlineData("norms")]
    [InlineData("memory")]
    [InlineData("embed")]
    [InlineData("head")]
    [InlineData("layers.1-")]
    public void Every_part_can_be_trained_by_itself(string part)
    {
        var model = new LanguageModel(ModelCases.Everything);
        foreach (var precision in Enum.GetValues<Precision>())
        {
            foreach (var rowsPerPass in new[] { 1, 2 })
            {
                using var planner = Planner(precision);
                using var program = TrainingProgram.Create(planner, model, new TrainRecipe { Only = [part], RowsPerPass = rowsPerPass }, 2, 2);
                var all = Memory(precision, model, rowsPerPass);
                Assert.True(planner.Memory.Variables < all.Variables);
            }
        }
    }

    [Fact]
    public void A_compute_capability_without_bf16_is_refused()
    {
        Assert.Null(DeviceProfile.H100.Problem);
        Assert.Contains("7.5", (DeviceProfile.H100 with { Major = 7, Minor = 5 }).Problem);
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void What_a_step_needs_for_itself_meets_nothing_that_lives_meanwhile(string name)
    {
        using var planner = Planner(Precision.BFloat16);
        var model = new LanguageModel(ModelCases.Zoo.GetValueOrDefault(name) ?? ModelCases.Large[name]);
        using var program = TrainingProgram.Create(planner, model, new TrainRecipe { Batch = 4, RowsPerPass = 2 }, 4, 2);
        foreach (var lowered in planner.Lowered.Values)
        {
            var kept = lowered.Plan.Steps.SelectMany(s => s.Inputs.Concat(s.Outputs)).Select(v => v.Storage.Root).Where(s => s.Kind == StorageKind.Arena).Distinct().ToArray();
            var scratch = lowered.Operations.SelectMany(Views).Select(v => v.Storage).Where(s => s.Kind == StorageKind.Scratch).Distinct().ToArray();
            Assert.NotEmpty(scratch);
            foreach (var own in scratch)
            {
                Assert.InRange(own.Offset, 0, lowered.Plan.ArenaBytes - own.Bytes);
                var living = kept.Where(s => s.First <= own.First && own.First <= s.Last).Concat(scratch.Where(s => s != own && s.First == own.First));
                Assert.All(living, other => Assert.True(own.Offset + own.Bytes <= other.Offset || other.Offset + other.Bytes <= own.Offset, $"{name}: scratch of step {own.First} meets {other.Name}"));
            }
        }
    }

    /// <summary>All that an operation reads or writes.</summary>
    private static IEnumerable<View> Views(Operation operation) => operation switch
    {
        Launch launch => launch.Arguments.SelectMany(Views),
        Product product => [product.A, product.B, product.D],
        Clear clear => [clear.Target],
        _ => throw new NotSupportedException(operation.GetType().Name),
    };

    private static IEnumerable<View> Views(Argument argument) => argument switch
    {
        Argument.Pointer pointer => [pointer.View],
        Argument.Map map => [map.Matrix],
        Argument.Struct structure => structure.Members.SelectMany(Views),
        _ => [],
    };

    [Fact]
    public void Memory_is_counted_by_what_it_is_for()
    {
        var model = new LanguageModel(ModelCases.Large["side by side with heads of 32"]);
        var parameters = 4 * model.Parameters.Sum(p => p.Shape.Count);
        var carry = model.Carry(4).Sum(c => c.Shape.Count);
        var (half, full) = (Memory(Precision.BFloat16, model, null), Memory(Precision.Float32, model, null));
        Assert.Equal(3 * parameters + 2 * carry, half.Variables);
        Assert.Equal(3 * parameters + 4 * carry, full.Variables);
        Assert.InRange((double)half.Arena / full.Arena, 0.5, 0.75);
        Assert.Equal(ProductRunner.WorkspaceBytes, half.Workspace);
        Assert.Equal(half.Total, half.Variables + half.Weights + half.Arena + half.Buffers + half.Workspace);

        // The sums of gradients are as many numbers as there are parameters, and one for the loss.
        var byRows = Memory(Precision.BFloat16, model, 1);
        Assert.Equal(half.Variables + parameters + 4, byRows.Variables);
        Assert.InRange((double)byRows.Arena / half.Arena, 0.2, 0.5);
    }

    [Fact]
    public void Nothing_runs_and_buffers_go_with_their_program()
    {
        using var planner = Planner(Precision.Float32);
        var graph = new TensorGraph();
        graph.Output("y", graph.Input("x", DType.Float32, new Shape(1000)) + graph.Parameter("w", new Shape(1000)));
        using (var program = planner.Load(graph))
        {
            program.Floats("x").Fill(1);
            planner.Write("w", new float[1000]);
            program.Run();
            Assert.Equal(new float[1000], program.Output("y"));
            Assert.Equal(2 * 4096, planner.Memory.Buffers);
        }

        Assert.Equal(0, planner.Memory.Buffers);
        Assert.Equal(4000, planner.Memory.Variables);
    }

    private static CudaPlanner Planner(Precision precision) => new(DeviceProfile.H100, precision);

    private static CudaMemoryUse Memory(Precision precision, LanguageModel model, int? rowsPerPass)
    {
        using var planner = Planner(precision);
        using var program = TrainingProgram.Create(planner, model, new TrainRecipe { Batch = 4, RowsPerPass = rowsPerPass }, 4, 2);
        return planner.Memory;
    }
}
