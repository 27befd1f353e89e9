using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Recipes;

namespace Baka.Model.Tests;

public sealed class SelfTestTests
{
    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void Every_recipe_passes(string name) => RequirePassed(Lab.Zoo[name]);

    [Fact]
    public void Any_combination_passes()
    {
        for (var seed = 100; seed < 140; seed++)
        {
            // In windows this small all sparse steps may fall on pauses, and then they really are without effect.
            var recipe = Lab.AnyRecipe(seed);
            RequirePassed(recipe with { Step = recipe.Step with { Every = 1 } });
        }
    }

    [Fact]
    public void A_device_that_loses_its_memory_is_found_out()
    {
        var checks = SelfTest.Run(() => new ForgetfulDevice(), Lab.Everything, (device, model) => Lab.Initialize(device, model));

        Assert.Equal([true, false, false, true, false, true], checks.Select(c => c.Passed).ToArray());
    }

    [Fact]
    public void What_is_not_a_number_is_found_out()
    {
        var checks = SelfTest.Run(() => new ReferenceDevice(), Lab.Everything, (device, model) =>
        {
            Lab.Initialize(device, model);
            device.Write("layers.1.norm.weight", [1, 1, float.NaN, 1, 1, 1, 1, 1]);
        });

        Assert.All(checks, check => Assert.False(check.Passed));
    }

    [Fact]
    public void A_parameter_without_effect_is_found_out()
    {
        var checks = SelfTest.Run(() => new ReferenceDevice(), Lab.Everything, (device, model) =>
        {
            Lab.Initialize(device, model);
            device.Write("layers.1.attn.o.weight", new float[64]);
        });

        Assert.False(checks[^1].Passed);
        Assert.Contains("layers.1.attn.v.weight", checks[^1].Detail);
    }

    private static void RequirePassed(ModelRecipe recipe)
    {
        var checks = SelfTest.Run(() => new ReferenceDevice(), recipe, (device, model) => Lab.Initialize(device, model));

        Assert.Equal(6, checks.Count);
        Assert.All(checks, check => Assert.True(check.Passed, $"{check.Name}: {check.Detail} for {recipe}"));
    }

    /// <summary>Carried variables are zero again before every run.</summary>
    private sealed class ForgetfulDevice : IDevice
    {
        private readonly ReferenceDevice _inner = new();

        public IReadOnlyDictionary<string, Shape> Variables => _inner.Variables;

        public IProgram Load(TensorGraph graph, int groups = 1) => new Program(_inner, _inner.Load(graph, groups));

        public void Read(string variable, Span<float> to) => _inner.Read(variable, to);

        public void Write(string variable, ReadOnlySpan<float> from) => _inner.Write(variable, from);

        public void Dispose() => _inner.Dispose();

        private sealed class Program(ReferenceDevice device, IProgram inner) : IProgram
        {
            public Span<int> Ints(string input) => inner.Ints(input);

            public Span<float> Floats(string input) => inner.Floats(input);

            public ReadOnlySpan<float> Output(string name) => inner.Output(name);

            public void Dispose() => inner.Dispose();

            public void Run(int group = 0)
            {
                foreach (var (name, shape) in device.Variables.Where(v => v.Key.Contains("carry")))
                {
                    device.Write(name, new float[shape.Count]);
                }

                inner.Run(group);
            }
        }
    }
}
