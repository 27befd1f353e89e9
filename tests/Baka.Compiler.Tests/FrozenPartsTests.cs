using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Graph.Ops;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Model.Tests;

namespace Baka.Compiler.Tests;

/// <summary>What is not trained takes no part in the gradient.</summary>
public sealed class FrozenPartsTests
{
    private static readonly ModelRecipe Recipe = Lab.Plain with { Layers = 4, Xl = new(), Step = new() { Width = 2 }, Gate = new() };

    public static TheoryData<bool> Pipelines => [false, true];

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void Frozen_parts_have_no_products_for_their_weights(bool gpu)
    {
        // In every layer o is a product, and so are q, k and v together.
        Assert.Equal(2 * Recipe.Layers.Count + 1, WeightGradients(PlanOf(gpu, "attn", "head")).Length);
        Assert.Equal(["layers.0", "layers.1", "layers.2", "layers.3"], WeightGradients(PlanOf(gpu, "gates")).Select(Layer).Distinct().Order(StringComparer.Ordinal));
        Assert.Empty(WeightGradients(PlanOf(gpu, "norms")));
        Assert.DoesNotContain(PlanOf(gpu, "attn").Steps, s => s.Op is NormBackward { OfWeight: true } or ScatterRows);
    }

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void The_gradient_ends_at_the_lowest_trained_part(bool gpu)
    {
        var plan = PlanOf(gpu, "layers.2-");
        Assert.DoesNotContain(plan.Steps, s => IsBackward(s.Op) && Layer(s.Module) is "layers.0" or "layers.1");
        Assert.Contains(plan.Steps, s => s.Op is AttentionBackward && Layer(s.Module) == "layers.2");

        var head = PlanOf(gpu, "head");
        Assert.DoesNotContain(head.Steps, s => IsBackward(s.Op));
        var loss = Assert.Single(head.Steps, s => s.Op is LinearCrossEntropyGradient);
        Assert.Equal(new WantedGradients(Input: false, Weight: true), ((LinearCrossEntropyGradient)loss.Op).Wanted);
    }

    [Fact]
    public void Frozen_parts_take_less_work_and_memory()
    {
        var (all, some) = (PlanOf(false), PlanOf(false, "layers.3", "head"));
        Assert.True(some.Flops < 0.6 * all.Flops, $"{some.Flops} is not well below {all.Flops}");
        Assert.True(some.ArenaBytes < 0.7 * all.ArenaBytes, $"{some.ArenaBytes} is not well below {all.ArenaBytes}");
    }

    private static bool IsBackward(Graph.Op op) => op is NormBackward or AttentionBackward or StepLinearBackward or MatMul { TransposeA: true } or MatMulAdd { Product.TransposeA: true };

    private static string Layer(string module) => string.Join('.', module.Split('.').Take(2));

    private static string[] WeightGradients(Plan plan) => [.. plan.Steps
        .Where(s => s.Op is MatMul { TransposeA: true } or MatMulAdd { Product.TransposeA: true } or StepLinearBackward { Wanted.Weight: true } or LinearCrossEntropyGradient { Wanted.Weight: true })
        .Select(s => s.Module).Order(StringComparer.Ordinal)];

    private static Plan PlanOf(bool gpu, params string[] parts)
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(Recipe), new TrainRecipe { Only = parts.Length == 0 ? null : [.. parts] }, 2, 2).Dispose();
        return PlanBuilder.Build((gpu ? Pipeline.Gpu : Pipeline.Cpu).Run(capture.Graphs[0]), new VariablePlacement());
    }
}
