using Baka.Graph;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests.Programs;

/// <summary>Training steps: what they learn, what they leave alone.</summary>
public sealed class TrainingTests
{
    private static readonly TrainRecipe Train = new();

    [Fact]
    public void Loss_falls_on_a_repeated_sequence()
    {
        using var device = new ReferenceDevice();
        var model = new LanguageModel(Lab.Everything);
        using var program = TrainingProgram.Create(device, model, Train, 1, 2);
        Lab.Initialize(device, model);
        var tokens = Lab.Tokens(12);
        var losses = new List<float>();
        for (var step = 1; step <= 40; step++)
        {
            program.SetBatch(tokens, Lab.Targets(tokens), [0, 1], 0);
            var result = program.Run(new StepSettings(0.02, 1, step));
            Assert.Equal(11, result.Tokens);
            losses.Add(result.Loss);
        }

        Assert.InRange(losses[0], 2, 6);
        Assert.InRange(losses[^1], 0, 0.5);
    }

    [Fact]
    public void A_step_is_adamw_as_published()
    {
        var recipe = Train with { Optimizer = new() { Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-3, WeightDecay = 0.1 } };
        using var device = new ReferenceDevice();
        var model = new LanguageModel(Lab.Plain);
        using var program = TrainingProgram.Create(device, model, recipe, 1, 1);
        Lab.Initialize(device, model);
        var tokens = Lab.Tokens(6);
        var (g1, g2) = (0.0, 0.0);
        var before = Read(device, "norm_out.weight");

        program.SetBatch(tokens, Lab.Targets(tokens), [0], 0);
        var first = program.Run(new StepSettings(0.01, 0.5, 1));
        var m = Read(device, "adam.m.norm_out.weight")[3];
        g1 = m / 0.2;
        Assert.True(first.GradientNorm > 0.5);
        var clipped = model.Parameters.Sum(p => Read(device, $"adam.m.{p.Name}").Sum(x => x / 0.2 * (x / 0.2)));
        Assert.Equal(0.5, Math.Sqrt(clipped), 4);
        Assert.Equal(0.05 * g1 * g1, Read(device, "adam.v.norm_out.weight")[3], 6);
        var expected = before[3] * (1 - 0.01 * 0.1) - 0.01 * g1 / (Math.Abs(g1) + 1e-3);
        Assert.Equal(expected, Read(device, "norm_out.weight")[3], 5);

        program.Run(new StepSettings(0.02, double.PositiveInfinity, 2));
        g2 = (Read(device, "adam.m.norm_out.weight")[3] - 0.8 * m) / 0.2;
        var mean = (0.2 * 0.8 * g1 + 0.2 * g2) / (1 - 0.8 * 0.8);
        var square = (0.05 * 0.95 * g1 * g1 + 0.05 * g2 * g2) / (1 - 0.95 * 0.95);
        expected = expected * (1 - 0.02 * 0.1) - 0.02 * mean / (Math.Sqrt(square) + 1e-3);
        Assert.Equal(expected, Read(device, "norm_out.weight")[3], 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_step_that_is_not_finite_changes_nothing(int accumulate)
    {
        using var device = new ReferenceDevice();
        var model = new LanguageModel(Lab.Everything);
        using var program = TrainingProgram.Create(device, model, Train with { Accumulate = accumulate }, 1, 2);
        Lab.Initialize(device, model);
        var tokens = Lab.Tokens(12);
        program.SetBatch(tokens, Lab.Targets(tokens), [0, 1], 0);
        Assert.False(program.Run(new StepSettings(0.01, 1, 1)).Skipped);
        var bad = Read(device, "norm_out.weight");
        bad[2] = float.NaN;
        device.Write("norm_out.weight", bad);
        var before = device.Variables.Keys.ToDictionary(v => v, v => Read(device, v));

        Assert.True(program.Run(new StepSettings(0.01, 1, 2)).Skipped);

        Assert.All(before, v => Assert.Equal(v.Value, Read(device, v.Key)));
    }

    [Fact]
    public void Two_accumulated_batches_equal_one_of_twice_the_rows()
    {
        var recipe = Lab.Everything;
        var model = new LanguageModel(recipe);
        using var one = new ReferenceDevice();
        using var two = new ReferenceDevice();
        using var whole = TrainingProgram.Create(one, model, Train, 2, 2);
        using var halves = TrainingProgram.Create(two, model, Train with { Accumulate = 2 }, 1, 2);
        Lab.Initialize(one, model);
        Lab.Initialize(two, model);
        var tokens = Lab.Tokens(24);
        var targets = Lab.Targets(tokens);
        for (var step = 1; step <= 2; step++)
        {
            whole.SetBatch(tokens, targets, [0, 1, 0, 1], 0);
            var expected = whole.Run(new StepSettings(0.01, 0.5, step));
            halves.SetBatch(tokens.AsSpan(0, 12), targets.AsSpan(0, 12), [0, 1], 0);
            halves.Accumulate();
            halves.SetBatch(tokens.AsSpan(12), targets.AsSpan(12), [0, 1], 0);
            var actual = halves.Run(new StepSettings(0.01, 0.5, step));

            Assert.Equal(23, actual.Tokens);
            Assert.Equal(expected.Loss, actual.Loss, 4);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 3);
        }

        foreach (var name in model.Parameters.Select(p => p.Name))
        {
            Lab.Near(Read(one, name), Read(two, name), 1e-3f);
        }
    }

    [Fact]
    public void Rows_computed_in_groups_equal_rows_computed_at_once()
    {
        var model = new LanguageModel(Lab.Everything);
        using var one = new ReferenceDevice();
        using var two = new ReferenceDevice();
        using var whole = TrainingProgram.Create(one, model, Train, 4, 2);
        using var groups = TrainingProgram.Create(two, model, Train with { Batch = 4, RowsPerPass = 2 }, 4, 2);
        Lab.Initialize(one, model);
        Lab.Initialize(two, model);
        var tokens = Lab.Tokens(48);
        for (var step = 1; step <= 3; step++)
        {
            StepResult Run(TrainingProgram program)
            {
                program.SetBatch(tokens, Lab.Targets(tokens), [2, 3, 0, 1, 4, 5, 7, 0], (ulong)step);
                return program.Run(new StepSettings(0.01, 0.5, step));
            }

            var (expected, actual) = (Run(whole), Run(groups));
            Assert.Equal(expected.Tokens, actual.Tokens);
            Assert.Equal(expected.Loss, actual.Loss, 4);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 3);
        }

        foreach (var name in model.Parameters.Select(p => p.Name).Concat(model.Carry(4).Select(c => c.Name)))
        {
            Lab.Near(Read(one, name), Read(two, name), 1e-3f);
        }
    }

    [Fact]
    public void Moments_and_carried_state_have_the_names_that_are_announced()
    {
        using var device = new ReferenceDevice();
        var model = new LanguageModel(Lab.Zoo["sinks over two windows"] with { Step = new() { Width = 3, Carry = true } });
        using var program = TrainingProgram.Create(device, model, Train, 3, 2);

        Assert.All(model.Carry(3), carry => Assert.Equal(carry.Shape, device.Variables[carry.Name]));
        Assert.Contains(model.Carry(3), carry => carry.Name == "carry.layers.1.attn.sink_values");
        Assert.Contains(model.Carry(3), carry => carry.Name == "carry.layers.0.step.tail");
        Assert.Contains(model.Carry(3), carry => carry.Name == "carry.memory");
        Assert.Equal(
            device.Variables.Keys.Order(StringComparer.Ordinal),
            model.Parameters.Select(p => p.Name).Concat(program.OptimizerVariables).Concat(model.Carry(3).Select(c => c.Name)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Parameters_begin_as_the_specification_says()
    {
        var model = new LanguageModel(Lab.Zoo["negator and norm"] with { Mlp = new() { Hidden = 12, Lora = 3 }, Memory = new() { Tokens = 2, Solidifier = Solidifier.Mixer } });
        var initial = model.Parameters.ToDictionary(p => p.Name, p => (p.Shape.ToString(), p.Initial));

        Assert.Equal(("[11, 8]", Initialization.Normal(1)), initial["embed.weight"]);
        Assert.Equal(("[8]", Initialization.Normal(1)), initial["pause.weight"]);
        Assert.Equal(("[2, 8]", Initialization.Normal(1)), initial["memory.weight"]);
        Assert.Equal(("[8]", Initialization.Constant(1)), initial["layers.1.norm.weight"]);
        Assert.Equal(("[1]", Initialization.Constant(1)), initial["layers.1.attn.negator.weight"]);
        Assert.Equal(("[12, 8]", Initialization.Normal(1 / MathF.Sqrt(24))), initial["layers.1.mlp.up.weight"]);
        Assert.Equal(("[8, 12]", Initialization.Normal(1 / MathF.Sqrt(36))), initial["layers.1.mlp.down.weight"]);
        Assert.Equal(("[3, 12]", Initialization.Normal(1 / MathF.Sqrt(36))), initial["layers.1.mlp.lora.down.a.weight"]);
        Assert.Equal(("[8, 3]", Initialization.Normal(0)), initial["layers.1.mlp.lora.down.b.weight"]);
        Assert.Equal(("[8, 24]", Initialization.Normal(1 / MathF.Sqrt(72))), initial["layers.0.step.weight"]);
        Assert.Equal(("[8, 8]", Initialization.Normal(1 / MathF.Sqrt(24))), initial["layers.0.gates.step.weight"]);
        Assert.Equal(("[8, 8]", Initialization.Normal(0.01f / MathF.Sqrt(24))), initial["memory.solidifier.width.weight"]);
        Assert.Equal(("[8]", Initialization.Constant(1)), initial["norm_out.weight"]);
        Assert.Equal(("[11, 8]", Initialization.Normal(1 / MathF.Sqrt(24))), initial["lm_head.weight"]);
    }

    [Fact]
    public void A_batch_that_does_not_fit_is_refused_with_a_sentence()
    {
        using var device = new ReferenceDevice();
        using var program = EvaluationProgram.Create(device, new LanguageModel(Lab.Plain), 2, 1);
        var tokens = Lab.Tokens(12);
        var wrong = tokens.ToArray();
        wrong[7] = 11;

        var length = Assert.Throws<ArgumentException>(() => program.SetBatch(tokens.AsSpan(1), tokens, [0, 0], 0));
        Assert.Equal("The batch has 11 tokens, but 2 rows of 1 windows of 6 tokens need 12.", length.Message);
        var range = Assert.Throws<ArgumentException>(() => program.SetBatch(tokens, wrong, [0, 0], 0));
        Assert.Equal("The target 11 in row 1 of the batch (place 7) is not in -1…10.", range.Message);
        Assert.Throws<ArgumentException>(() => program.SetBatch(tokens, tokens, [0, -1], 0));
    }

    [Fact]
    public void Setting_a_batch_allocates_nothing()
    {
        using var device = new ReferenceDevice();
        using var program = EvaluationProgram.Create(device, new LanguageModel(Lab.Zoo["random pauses"]), 2, 2);
        var tokens = Lab.Tokens(24);
        int[] documentWindow = [0, 1, 5, 6];
        program.SetBatch(tokens, tokens, documentWindow, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        program.SetBatch(tokens, tokens, documentWindow, 2);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_model_that_does_not_fit_is_refused_with_the_name_of_the_module()
    {
        var model = new LanguageModel(Lab.Plain with { Heads = 3 });

        var error = Assert.Throws<GraphException>(() => TrainingProgram.Create(new ReferenceDevice(), model, Train, 1, 1));

        Assert.Equal("layers.0.attn: Attention: the width 8 is no multiple of 3 heads", error.Message);
    }

    private static float[] Read(ReferenceDevice device, string name)
    {
        var values = new float[device.Variables[name].Count];
        device.Read(name, values);
        return values;
    }
}
