using Baka.Graph.Reference;

namespace Baka.Graph.Tests;

public sealed class GradientTests
{
    /// <summary>Ops whose gradient is zero on purpose where the value still changes.</summary>
    private static readonly string[] Detached = ["attention to a detached past"];

    public static TheoryData<string, int> Cases => OpCase.Names(seeds: 3);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_equal_finite_differences(string name, int seed)
    {
        var at = new OpCase(name, seed);
        if (Detached.Contains(name))
        {
            return;
        }

        using var device = new ReferenceDevice();
        var exact = OpRunner.Run(device, at);
        using var program = device.Load(at.Graph);
        CopyInputs(at, program);
        var random = new Random(seed);
        for (var i = 0; i < at.Parameters.Count; i++)
        {
            var values = at.FloatValues[$"p{i}"];
            var gradient = exact[$"gradient {i}"];
            for (var probe = 0; probe < 4; probe++)
            {
                // A random direction: one number checks all elements at once.
                var direction = values.Select(_ => random.NextSingle() - 0.5f).ToArray();
                var expected = gradient.Zip(direction, (g, d) => (double)g * d).Sum();
                const float Step = 2e-3f;
                var difference = (LossAt(Step) - LossAt(-Step)) / (2 * Step);
                device.Write($"p{i}", values);

                // f32 rounding of the loss's terms, and the third derivative along the direction.
                var scale = gradient.Zip(direction, (g, d) => Math.Abs((double)g * d)).Sum();
                Assert.True(Math.Abs(expected - difference) < 0.01 * scale + 2e-3, $"parameter {i}: the rule says {expected}, differences say {difference}");

                double LossAt(float step)
                {
                    device.Write($"p{i}", [.. values.Zip(direction, (v, d) => v + step * d)]);
                    program.Run();
                    var result = program.Output("result");
                    var weights = at.FloatValues["weights"];
                    var sum = 0.0;
                    for (var j = 0; j < result.Length; j++)
                    {
                        sum += (double)result[j] * weights[j];
                    }

                    return sum;
                }
            }
        }
    }

    [Fact]
    public void A_missing_gradient_rule_is_reported_with_the_module_that_needs_it()
    {
        var graph = new TensorGraph();
        Tensor loss;
        var x = graph.Parameter("x", new Shape(2, 3));
        using (graph.Scope("cache"))
        {
            var rows = graph.Parameter("rows", new Shape(1, 3));
            loss = x.ReplaceRows(rows, graph.Constant([1])).SumAll();
        }

        var error = Assert.Throws<GraphException>(() => Gradients.Of(loss, [x]));
        Assert.Contains("cache", error.Message);
        Assert.Contains("ReplaceRows", error.Message);
    }

    [Fact]
    public void An_unused_parameter_is_reported_by_name()
    {
        var graph = new TensorGraph();
        var used = graph.Parameter("used.weight", new Shape(3));
        var unused = graph.Parameter("unused.weight", new Shape(3));
        var error = Assert.Throws<GraphException>(() => Gradients.Of(used.SumAll(), [used, unused]));
        Assert.Contains("'unused.weight'", error.Message);
    }

    [Fact]
    public void No_gradient_flows_through_a_detached_tensor()
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(3));
        graph.Output("gradient", Gradients.Of((x * x.Detach()).SumAll(), [x])[0]);
        using var device = new ReferenceDevice();
        using var program = device.Load(graph);
        device.Write("x", [1, -2, 3]);
        program.Run();
        Assert.Equal([1, -2, 3], program.Output("gradient").ToArray());
    }

    private static void CopyInputs(OpCase at, Execution.IProgram program)
    {
        foreach (var (name, values) in at.FloatValues.Where(v => at.Graph.Inputs.ContainsKey(v.Key)))
        {
            values.CopyTo(program.Floats(name));
        }

        foreach (var (name, values) in at.IntValues)
        {
            values.CopyTo(program.Ints(name));
        }
    }
}
