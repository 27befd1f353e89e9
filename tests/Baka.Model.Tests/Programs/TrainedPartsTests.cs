using Baka.Graph;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests.Programs;

/// <summary>Training of some parts while the others stay as they are.</summary>
public sealed class TrainedPartsTests
{
    private const int Windows = 2;

    private static readonly ModelRecipe Recipe = Lab.Everything with
    {
        Layers = 3,
        Mlp = new() { Hidden = 12, Share = "abb", Lora = 2 },
        Attn = new() { Negator = true, QkNorm = QkNorm.Rms },
        Memory = new() { Tokens = 3, Solidifier = Solidifier.Mixer },
    };

    [Theory]
    [InlineData(new[] { "attn" }, "layers.?.attn.k.weight layers.?.attn.negator.weight layers.?.attn.o.weight layers.?.attn.q.weight layers.?.attn.v.weight")]
    [InlineData(new[] { "mlp" }, "layers.0.mlp.down.weight layers.0.mlp.gate.weight layers.0.mlp.up.weight layers.1.mlp.down.weight layers.1.mlp.gate.weight layers.1.mlp.up.weight")]
    [InlineData(new[] { "step" }, "layers.?.step.weight")]
    [InlineData(new[] { "gates" }, "layers.?.gates.attn.weight layers.?.gates.mlp.weight layers.?.gates.step.weight")]
    [InlineData(new[] { "norms" }, "layers.?.attn.k_norm.weight layers.?.attn.q_norm.weight layers.?.norm.weight memory.solidifier.slots_norm.weight memory.solidifier.width_norm.weight norm_out.weight")]
    [InlineData(new[] { "memory" }, "memory.solidifier.slots.weight memory.solidifier.width.weight memory.weight")]
    [InlineData(new[] { "embed", "pause" }, "embed.weight pause.weight")]
    [InlineData(new[] { "head" }, "lm_head.weight")]
    [InlineData(new[] { "step", "layers.2" }, "layers.0.step.weight layers.1.step.weight layers.2.*")]
    [InlineData(new[] { "layers.1-2" }, "layers.1.* layers.2.*")]
    [InlineData(new[] { "layers.1-" }, "layers.1.* layers.2.*")]
    public void Only_what_is_named_changes_and_has_moments(string[] parts, string names)
    {
        string[] trained = [.. new LanguageModel(Recipe).Parameters.Select(p => p.Name).Where(IsNamed).Order(StringComparer.Ordinal)];
        foreach (var accumulate in new[] { 1, 2 })
        {
            var train = new TrainRecipe { Only = [.. parts], Accumulate = accumulate };
            using var device = new ReferenceDevice();
            var (before, after) = Step(device, train, out var program);
            Assert.Equal(trained, before.Keys.Where(p => !before[p].AsSpan().SequenceEqual(after[p])).Order(StringComparer.Ordinal));
            Assert.Equal(trained.SelectMany(p => new[] { $"adam.m.{p}", $"adam.v.{p}" }).Order(StringComparer.Ordinal), program.OptimizerVariables.Order(StringComparer.Ordinal));
            Assert.Equal(program.OptimizerVariables.Order(StringComparer.Ordinal), device.Variables.Keys.Where(v => v.StartsWith("adam.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        }

        bool IsNamed(string parameter) => names.Split(' ').Any(pattern => pattern.EndsWith('*')
            ? parameter.StartsWith(pattern[..^1], StringComparison.Ordinal)
            : pattern == (pattern.Contains('?') ? $"{parameter[..7]}?{parameter[8..]}" : parameter));
    }

    [Fact]
    public void Parts_get_the_gradient_that_they_get_when_all_are_trained()
    {
        var all = Means(null);
        foreach (var part in new[] { "attn", "mlp", "lora", "step", "gates", "norms", "memory", "embed", "head", "layers.0" })
        {
            var own = Means([part]);
            Assert.NotEmpty(own);
            Assert.All(own, mean => Lab.Near(all[mean.Key], mean.Value, 1e-5f));
        }

        Dictionary<string, float[]> Means(ValueList<string>? only)
        {
            using var device = new ReferenceDevice();
            Step(device, new TrainRecipe { Only = only }, out var program);
            return program.OptimizerVariables.Where(v => v.StartsWith("adam.m.", StringComparison.Ordinal)).ToDictionary(v => v, v => Read(device, v));
        }
    }

    [Fact]
    public void Every_parameter_belongs_to_one_part_and_the_parts_are_the_whole()
    {
        var model = new LanguageModel(Recipe);
        string[] parts = [.. model.Parameters.Select(p => ModelParts.Of(p.Name)).Distinct()];
        Assert.Equal(["attn", "embed", "gates", "head", "lora", "memory", "mlp", "norms", "pause", "step"], parts.Order(StringComparer.Ordinal));
        Assert.Equal(model.Parameters.Count, parts.Sum(part => model.Trained(new TrainRecipe { Only = [part] }).Count));
        Assert.Equal(model.Parameters, model.Trained(new TrainRecipe { Only = [.. parts] }));
    }

    private static (Dictionary<string, float[]> Before, Dictionary<string, float[]> After) Step(ReferenceDevice device, TrainRecipe train, out TrainingProgram program)
    {
        var model = new LanguageModel(Recipe);
        program = TrainingProgram.Create(device, model, train, 1, Windows);
        Lab.Initialize(device, model);
        var before = Values(device, model);
        var tokens = Lab.Tokens(Windows * Recipe.Window);
        program.SetBatch(tokens, Lab.Targets(tokens), [0, 1], 0);
        program.Run(new StepSettings(0.01, double.PositiveInfinity, 1));
        program.Dispose();
        return (before, Values(device, model));
    }

    private static Dictionary<string, float[]> Values(ReferenceDevice device, LanguageModel model) => model.Parameters.ToDictionary(p => p.Name, p => Read(device, p.Name));

    private static float[] Read(ReferenceDevice device, string name)
    {
        var values = new float[device.Variables[name].Count];
        device.Read(name, values);
        return values;
    }
}
