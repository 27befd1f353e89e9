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
    [InlineData("step shared by all", false)]
    [InlineData("plain", true)]
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
