using Baka.Graph.Reference;
using Baka.Verification.Operations;

namespace Baka.Graph.Tests;

public sealed class GradientTests
{
    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (var (name, seed) in OpCases.All.Keys.SelectMany(name => Enumerable.Range(1, 3).Select(seed => (name, seed))))
            {
                cases.Add(name, seed);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_equal_finite_differences(string name, int seed)
    {
        var at = OpCases.Make(name, seed);
        if (name == OpCases.DetachedPast)
        {
            return;
        }

        using var device = new ReferenceDevice();
        var exact = at.Run(device);
        using var program = device.Load(at.Graph);
        at.Fill(device, program);
        var random = new Random(seed);
        for (var i = 0; i < at.Operands.Count; i++)
        {
            var values = at.FloatValues[OpCase.OperandName(i)];
            var gradient = exact[OpCase.GradientName(i)];
            for (var probe = 0; probe < 4; probe++)
            {
                // A random direction: one number checks all elements at once.
                var direction = values.Select(_ => random.NextSingle() - 0.5f).ToArray();
                var expected = gradient.Zip(direction, (g, d) => (double)g * d).Sum();
                const float Step = 2e-3f;
                var difference = (LossAt(Step) - LossAt(-Step)) / (2 * Step);
                device.Write(OpCase.OperandName(i), values);

                // f32 rounding of the loss's terms, and the third derivative along the direction.
                var scale = gradient.Zip(direction, (g, d) => Math.Abs((double)g * d)).Sum();
                Assert.True(Math.Abs(expected - difference) < 0.01 * scale + 2e-3, $"parameter {i}: the rule says {expected}, differences say {difference}");

                double LossAt(float step)
                {
                    device.Write(OpCase.OperandName(i), [.. values.Zip(direction, (v, d) => v + step * d)]);
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
}
