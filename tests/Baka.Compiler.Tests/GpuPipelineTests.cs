using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Ops;
using Baka.Graph.Reference;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Model.Tests;

namespace Baka.Compiler.Tests;

public sealed class GpuPipelineTests
{
    private const int Rows = 4;
    private const int Windows = 2;

    private static readonly TrainRecipe InGroups = new() { Batch = Rows, RowsPerPass = 2 };

    [Theory]
    [InlineData("plain", false)]
    [InlineData("xl", false)]
    [InlineData("memory", false)]
    [InlineData("step", false)]
    [InlineData("step shared by all", false)]
    [InlineData("fan-out with everything", false)]
    [InlineData("plain", true)]
    [InlineData("step", true)]
    [InlineData("step shared by all", true)]
    public void Training_computes_what_the_unoptimized_graphs_do(string name, bool hopper)
    {
        var model = new LanguageModel(Lab.Zoo[name]);
        using var expected = new ReferenceDevice();
        using var actual = new OptimizingDevice(hopper ? Pipeline.ForHopper(leastResults: 1, leastPositions: 1) : Pipeline.Gpu);
        Train(expected, model);
        Train(actual, model);
        foreach (var variable in expected.Variables.Keys)
        {
            Lab.Near(Read(expected, variable), Read(actual, variable), 1e-3f);
        }
    }

    [Fact]
    public void Gradients_are_added_to_their_sums_in_place()
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(Lab.Plain), InGroups, Rows, Windows).Dispose();
        var variables = new VariablePlacement(Element.BFloat16);
        var plan = PlanBuilder.Build(Pipeline.Gpu.Run(capture.Graphs[0]), variables, 2, new PreparedWeights(Element.BFloat16, variables));

        Assert.DoesNotContain(plan.Steps, s => s.Op is Copy && s.Outputs[0].Storage is { Kind: StorageKind.Variable, IsCarried: false });
        Assert.Contains(plan.Steps, s => s.Op is ScatterRowsAdd && s.Outputs[0].Storage.Kind == StorageKind.Variable);
        Assert.Contains(plan.Steps, s => s.Op is LinearCrossEntropyGradientAdd && s.Outputs[2].Storage.Kind == StorageKind.Variable);
        Assert.Contains(plan.Steps, s => s.Op is MatMulAdd && s.Outputs[0] is { Storage.Kind: StorageKind.Variable } view && view.Shape[0] > Lab.Plain.Dim);
    }

    [Fact]
    public void The_gradient_of_overlapping_steps_is_added_to_its_sum_by_the_wide_product()
    {
        var capture = new CapturingDevice();
        var model = new LanguageModel(Lab.Zoo["step"]);
        TrainingProgram.Create(capture, model, InGroups, Rows, Windows).Dispose();
        var variables = new VariablePlacement(Element.BFloat16);
        var weights = new PreparedWeights(Element.BFloat16, variables);
        var plans = capture.Graphs.Select(graph => PlanBuilder.Build(Pipeline.Gpu.Run(graph), variables, 2, weights)).ToArray();
        Assert.DoesNotContain(plans.SelectMany(p => p.Steps), s => s.Op is Copy && s.Module.Contains(".step", StringComparison.Ordinal));

        // The product makes n maps one above the other, whose rows belong side by side.
        var (n, d) = (model.Recipe.Step.Width, model.Recipe.Dim);
        var sum = variables.Places["sum.layers.0.step.weight"];
        Assert.Equal(new Shape(d, n * d), variables.Shapes["sum.layers.0.step.weight"]);
        var product = Assert.Single(plans[0].Steps, s => s.Op is MatMulAdd && s.Outputs[0].Storage == sum.Storage).Outputs[0];
        var maps = product.Slice(0, product.Shape[0] - n * d, n * d);
        long[] places = [.. sum.Places().Select(place => place + sum.Offset)];
        Assert.Equal([.. maps.Places().Select(place => place + maps.Offset).Order()], places.Order());
        Assert.Equal(maps.Offset + ((2 * d) + 3) * d + 4, places[(3 * n * d) + (2 * d) + 4]);
        Assert.Contains(plans[1].Steps, s => s.Op is FusedElementwise && s.Inputs.Any(i => i.Storage == sum.Storage && i.Offset == sum.Offset && i.Strides.SequenceEqual(sum.Strides)));
    }

    [Fact]
    public void A_norm_adds_to_the_gradient_that_goes_past_it_in_place()
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(Lab.Zoo["xl"]), InGroups, Rows, Windows).Dispose();
        var variables = new VariablePlacement(Element.BFloat16);
        var plan = PlanBuilder.Build(Pipeline.Gpu.Run(capture.Graphs[0]), variables, 2, new PreparedWeights(Element.BFloat16, variables));
        var steps = plan.Steps.Where(s => s.Op is NormBackwardAdd).ToArray();
        Assert.Equal(Lab.Plain.Layers, steps.Length);
        Assert.All(steps, s => Assert.Same(s.Inputs[4].Storage.Root, s.Outputs[0].Storage.Root));
        Assert.All(steps, s => Assert.Equal(Element.BFloat16, s.Outputs[0].Storage.Type));

        // It comes where the addition was, so that what is carried is still stored after the last reader of the old value.
        Assert.DoesNotContain(plan.Steps, s => s.Op is Copy && s.Outputs[0].Storage.IsCarried);
    }

    [Fact]
    public void Norms_widen_what_comes_from_a_narrower_layer_and_their_gradients_narrow_what_goes_back()
    {
        var capture = new CapturingDevice();
        var recipe = Lab.Zoo["fan-out"];
        TrainingProgram.Create(capture, new LanguageModel(recipe), InGroups, Rows, Windows).Dispose();
        var variables = new VariablePlacement(Element.BFloat16);
        var plan = PlanBuilder.Build(Pipeline.Gpu.Run(capture.Graphs[0]), variables, 2, new PreparedWeights(Element.BFloat16, variables));
        Assert.DoesNotContain(plan.Steps, s => s.Op is Copy && s.Module.StartsWith("layers.", StringComparison.Ordinal));

        var widening = plan.Steps.Where(s => s.Op is WideningNorm).ToArray();
        var narrowing = plan.Steps.Where(s => s.Op is NarrowingNormBackward { Inner: NormBackwardAdd }).ToArray();
        Assert.Equal(["layers.1", "layers.2"], widening.Select(s => s.Module[..8]));
        Assert.Equal(["layers.2", "layers.1"], narrowing.Select(s => s.Module[..8]));
        Assert.All(widening, s => Assert.Equal([Element.BFloat16, Element.Float32, Element.BFloat16], s.Outputs.Select(o => o.Storage.Type)));
        Assert.All(widening, s => Assert.Equal(s.Inputs[0].Shape[1] + recipe.Fanout.Step, s.Outputs[WideningNorm.Widened].Shape[1]));
        Assert.All(narrowing, s => Assert.Equal((Element.BFloat16, s.Inputs[0].Shape[1] - recipe.Fanout.Step), (s.Outputs[0].Storage.Type, s.Outputs[0].Shape[1])));
    }

    [Fact]
    public void Products_read_rounded_copies_of_parameters_and_write_rounded_activations()
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(Lab.Plain), new TrainRecipe(), Rows, Windows).Dispose();
        var variables = new VariablePlacement(Element.BFloat16);
        var plan = PlanBuilder.Build(Pipeline.Gpu.Run(capture.Graphs[0]), variables, 1, new PreparedWeights(Element.BFloat16, variables));

        Assert.All(plan.Steps.Where(s => s.Op is MatMul), s => Assert.All(s.Inputs, v => Assert.Equal(Element.BFloat16, v.Storage.Type)));
        Assert.All(plan.Steps.Where(s => s.Op is SumOfSquares), s => Assert.All(s.Inputs, v => Assert.Equal(Element.Float32, v.Storage.Type)));
        Assert.All(variables.Storages.Where(s => !s.IsCarried), s => Assert.Equal(Element.Float32, s.Type));
        var forward = plan.Prepared.Sum(w => w.Storage.Count);
        Assert.InRange(forward, 1, new LanguageModel(Lab.Plain).Parameters.Sum(p => p.Shape.Count));
    }

    [Theory]
    [InlineData("step", true, Element.BFloat16)]
    [InlineData("step", false, Element.BFloat16)]
    [InlineData("step", true, Element.Float32)]
    [InlineData("everything", true, Element.BFloat16)]
    [InlineData("tied, layer norm, split", false, Element.BFloat16)]
    public void An_update_makes_the_copies_that_products_read(string name, bool inGroups, Element element)
    {
        var capture = new CapturingDevice();
        TrainingProgram.Create(capture, new LanguageModel(Lab.Zoo[name]), inGroups ? InGroups : new TrainRecipe(), Rows, Windows).Dispose();
        var variables = new VariablePlacement(element);
        var weights = new PreparedWeights(element, variables);
        var plans = capture.Graphs.Select(graph => PlanBuilder.Build(Pipeline.Gpu.Run(graph), variables, inGroups ? 2 : 1, weights)).ToArray();
        Assert.NotEmpty(plans[0].Prepared);
        Assert.Equal(plans[0].Prepared, plans[^1].Refreshed);
        foreach (var copy in plans[0].Prepared.SelectMany(w => w.Steps))
        {
            var writer = plans[^1].Steps.Single(s => s.Op is FusedElementwise && s.Outputs.Any(o => Addresses(o).Intersect(Addresses(copy.Outputs[0])).Any()));
            var written = writer.Outputs.Single(o => o.Storage == copy.Outputs[0].Storage);
            var parameter = writer.Outputs.Single(o => o.Storage == copy.Inputs[0].Storage);
            Assert.Equal(
                Addresses(copy.Inputs[0]).Zip(Addresses(copy.Outputs[0])).Order(),
                Addresses(parameter).Zip(Addresses(written)).Order());
            var op = (FusedElementwise)writer.Op;
            Assert.Equal(op.Results[writer.Outputs.ToList().IndexOf(parameter)], op.Results[^1]);
            Assert.DoesNotContain(plans[^1].Steps.SkipWhile(s => s != writer), s => s.Inputs.Any(i => i.Storage == written.Storage));
        }
    }

    /// <summary>Storage and place of a view's elements in row-major order.</summary>
    private static IEnumerable<(string Storage, long Place)> Addresses(View view) =>
        view.Places().Select(place => ($"{view.Storage.Kind} {view.Storage.Name}", view.Offset + place));

    private static void Train(IDevice device, LanguageModel model)
    {
        using var program = TrainingProgram.Create(device, model, InGroups, Rows, Windows);
        Lab.Initialize(device, model);
        var tokens = Lab.Tokens(Rows * Windows * model.Recipe.Window);
        for (var step = 1; step <= 2; step++)
        {
            program.SetBatch(tokens, Lab.Targets(tokens), [1, 2, 0, 1, 3, 4, 5, 0], (ulong)step);
            program.Run(new StepSettings(0.01, 0.5, step));
        }
    }

    private static float[] Read(IDevice device, string variable)
    {
        var values = new float[device.Variables[variable].Count];
        device.Read(variable, values);
        return values;
    }

    /// <summary>Evaluates naively what the passes make of graphs.</summary>
    private sealed class OptimizingDevice(Pipeline pipeline) : IDevice
    {
        private readonly ReferenceDevice _inner = new();

        public IReadOnlyDictionary<string, Shape> Variables => _inner.Variables;

        public IProgram Load(TensorGraph graph, int groups = 1) => _inner.Load(pipeline.Run(graph), groups);

        public void Read(string variable, Span<float> to) => _inner.Read(variable, to);

        public void Write(string variable, ReadOnlySpan<float> from) => _inner.Write(variable, from);

        public void Dispose() => _inner.Dispose();
    }
}
