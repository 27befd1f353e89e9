using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Model.Tests;

namespace Baka.Compiler.Tests;

public sealed class PlanTests
{
    // Products of any size go on with what reads them.
    private static readonly Pipeline Eager = Pipeline.ForHopper(leastResults: 1, leastPositions: 1);

    public static TheoryData<string> Recipes => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Storages_that_live_at_the_same_time_never_overlap(string name)
    {
        var plan = PlanOf(Lab.Zoo[name]);
        var storages = plan.Steps.SelectMany(s => s.Inputs.Concat(s.Outputs)).Select(v => v.Storage.Root)
            .Where(s => s.Kind == StorageKind.Arena).Distinct().ToArray();
        foreach (var a in storages)
        {
            Assert.InRange(a.Offset, 0, plan.ArenaBytes - a.Bytes);
            foreach (var b in storages.Where(b => b != a && a.First <= b.Last && b.First <= a.Last))
            {
                Assert.True(a.Offset + a.Bytes <= b.Offset || b.Offset + b.Bytes <= a.Offset, $"{a.Name} and {b.Name} overlap");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Every_step_reads_only_what_was_written_before(string name)
    {
        var plan = PlanOf(Lab.Zoo[name]);
        var written = new HashSet<Storage>();
        foreach (var step in plan.Steps)
        {
            Assert.All(step.Inputs.Where(v => v.Storage.Kind == StorageKind.Arena), v => Assert.Contains(v.Storage, written));
            written.UnionWith(step.Outputs.Select(v => v.Storage));
        }
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Behind_a_product_only_results_of_the_program_take_an_operands_place_and_never_one_of_the_product(string name)
    {
        var plan = PlanBuilder.Build(Eager.Run(TrainingGraph(Lab.Zoo[name])), new VariablePlacement());
        foreach (var (step, op) in plan.Steps.Where(s => s.Op is FinishedProduct).Select(s => (s, (FinishedProduct)s.Op)))
        {
            // Operand and result may be different parts of one storage.
            var outputs = step.Outputs.Select((v, i) => (View: v, IsKept: i < op.Kept)).Where(o => o.View.IsWhole).ToArray();
            var operands = step.Inputs.Select(v => v.Storage.Root).ToArray();
            Assert.DoesNotContain(outputs, o => operands.Take(1 + op.Products).Contains(o.View.Storage.Root));
            Assert.DoesNotContain(outputs, o => o.IsKept && operands.Contains(o.View.Storage.Root));
        }
    }

    [Fact]
    public void A_result_behind_a_product_takes_the_place_of_an_operand_that_is_read_no_more()
    {
        var plan = PlanBuilder.Build(Eager.Run(TrainingGraph(Lab.Everything)), new VariablePlacement());
        Assert.Contains(plan.Steps, s => s.Op is FinishedProduct op && s.Outputs.Skip(op.Kept).Any(o => s.Inputs.Skip(1 + op.Products).Any(i => i.Storage.Root == o.Storage.Root)));
    }

    [Fact]
    public void Parameters_and_moments_are_updated_where_they_lie()
    {
        var plan = PlanOf(Lab.Everything);
        Assert.DoesNotContain(plan.Steps, s => s.Op is Copy && s.Outputs[0].Storage.Kind == StorageKind.Variable
            && !s.Outputs[0].Storage.Name.StartsWith("carry", StringComparison.Ordinal));
    }

    [Fact]
    public void The_parts_of_the_wide_gradient_are_written_side_by_side_without_a_copy()
    {
        var recipe = Lab.Plain with { Xl = new(), Gate = new() { Of = [Branch.Attn, Branch.Mlp] } };
        var plan = PlanOf(recipe);
        var copies = plan.Steps.Where(s => s.Op is Copy && s.Outputs[0] is { Shape.Rank: > 1, Storage.Kind: StorageKind.Arena }).Select(s => $"{s.Module} {s.Inputs[0].Shape} [{string.Join(",", s.Inputs[0].Strides)}]");
        Assert.Empty(copies);
    }

    [Fact]
    public void Recomputation_makes_the_arena_smaller()
    {
        var graph = TrainingGraph(Lab.Plain with { Layers = 6, Mlp = new() { Hidden = 64 } });
        var without = Pipeline.Cpu.Passes.Where(p => p is not Recompute).Aggregate(graph.Pruned(), (g, pass) => pass.Run(g).Pruned());
        var kept = PlanBuilder.Build(without, new VariablePlacement());
        var recomputed = PlanBuilder.Build(Pipeline.Cpu.Run(graph), new VariablePlacement());
        Assert.True(recomputed.ArenaBytes < 0.8 * kept.ArenaBytes, $"{recomputed.ArenaBytes} is not well below {kept.ArenaBytes}");
    }

    [Fact]
    public void A_later_plan_finds_weights_side_by_side_as_the_first_one_put_them()
    {
        var placement = new VariablePlacement();
        var model = new LanguageModel(Lab.Everything);
        var capture = new CapturingDevice();
        EvaluationProgram.Create(capture, model, 1, 1).Dispose();
        TrainingProgram.Create(capture, model, new TrainRecipe(), 1, 2).Dispose();
        foreach (var graph in capture.Graphs)
        {
            var plan = PlanBuilder.Build(Pipeline.Cpu.Run(graph), placement);
            Assert.DoesNotContain(plan.Steps, s => s.Op is Copy && s.Inputs[0].Storage.Kind == StorageKind.Variable && s.Outputs[0].Shape.Rank == 2);
        }
    }

    [Fact]
    public void A_reshaped_view_finds_the_same_elements()
    {
        var storage = new Storage(StorageKind.Arena, "x", Element.Float32, 1000);
        var columns = new View(storage, 5, new Shape(6, 4), [40, 1]);
        var reshaped = columns.Reshape(new Shape(2, 3, 1, 4))!;
        Assert.Equal([120, 40, 0, 1], reshaped.Strides);
        Assert.Null(columns.Reshape(new Shape(24)));
        Assert.Null(columns.Reshape(new Shape(3, 8)));
    }

    [Fact]
    public void Elements_that_lie_in_another_order_are_brought_into_theirs_and_back()
    {
        var view = new View(new Storage(StorageKind.Variable, "x", Element.Float32, 12), new Shape(3, 2, 2)).Permute([1, 0, 2]);
        Assert.True(view.IsPacked);
        Assert.False(view.IsDense);
        Assert.False(view.Slice(2, 0, 1).IsPacked);
        float[] lying = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        var (sorted, back) = (new float[12], new float[12]);
        view.Sort(lying, sorted);
        view.Unsort(sorted, back);
        Assert.Equal([0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11], sorted);
        Assert.Equal(lying, back);
    }

    private static Plan PlanOf(ModelRecipe recipe) => PlanBuilder.Build(Pipeline.Cpu.Run(TrainingGraph(recipe)), new VariablePlacement());

    private static TensorGraph TrainingGraph(ModelRecipe recipe)
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(recipe), new TrainRecipe(), 2, 2).Dispose();
        return capture.Graphs[0];
    }
}
