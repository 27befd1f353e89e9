using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;
using Baka.Verification.Operations;

namespace Baka.Compiler.Tests;

public sealed class PassTests
{
    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (var (name, seed) in OpCases.All.Keys.SelectMany(name => Enumerable.Range(1, 2).Select(seed => (name, seed))))
            {
                cases.Add(name, seed);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_pass_keeps_what_the_graph_computes(string name, int seed)
    {
        var at = OpCases.Make(name, seed);
        using var device = new ReferenceDevice();
        var expected = at.Run(device);
        Check(Pipeline.Cpu, device, at, expected);
        Check(Pipeline.Gpu, device, at, expected);
        Check(Pipeline.ForHopper(leastResults: 1, leastPositions: 1), device, at, expected);
    }

    private static void Check(Pipeline pipeline, ReferenceDevice device, OpCase at, Dictionary<string, float[]> expected)
    {
        var graph = at.Graph.Pruned();
        foreach (var pass in pipeline.Passes)
        {
            graph = pass.Run(graph).Pruned();
            var actual = Evaluate(device, graph, at);
            foreach (var (output, values) in expected)
            {
                var scale = values.Max(MathF.Abs) + 1;
                Assert.All(values.Zip(actual[output]), pair => Assert.True(
                    MathF.Abs(pair.First - pair.Second) <= 1e-5f * scale,
                    $"after {pass.GetType().Name}, {output}: {pair.Second}, not {pair.First}"));
            }
        }
    }

    [Fact]
    public void Linear_maps_of_one_input_become_one_product_forward_one_for_the_input_and_one_for_the_weights()
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(10, 6));
        Tensor[] weights = [.. Enumerable.Range(0, 4).Select(i => graph.Parameter($"w{i}", new Shape(5, 6)))];
        var y = weights.Select(w => x.Linear(w)).Aggregate((a, b) => a * b);
        Differentiate(graph, y.SumAll(), [x, .. weights]);

        var products = Pipeline.Cpu.Run(graph).Nodes.Where(n => n.Op is MatMul or MatMulAdd).ToArray();
        Assert.Equal(3, products.Length);
        Assert.Equal(new Shape(10, 20), products[0].Outputs[0].Shape);
        Assert.Contains(products, p => p.Outputs[0].Shape.Equals(new Shape(10, 6)));
        Assert.Contains(products, p => p.Outputs[0].Shape.Equals(new Shape(20, 6)));
    }

    [Fact]
    public void A_weight_used_in_several_windows_collects_its_gradient_inside_the_products()
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(3, 6));
        var w = graph.Parameter("w", new Shape(6, 6));
        var y = x;
        for (var window = 0; window < 4; window++)
        {
            y = y.Linear(w).Tanh();
        }

        Differentiate(graph, y.SumAll(), [w]);
        var optimized = Pipeline.Cpu.Run(graph);
        Assert.Equal(3, optimized.Nodes.Count(n => n.Op is MatMulAdd { TransposeA: true }));
        Assert.DoesNotContain(optimized.Nodes, n => n.Op is FusedElementwise fused && fused.Program.Any(i => i.Op is Binary { Function: BinaryFunction.Add }) && n.Outputs[0].Shape.Equals(new Shape(6, 6)));
    }

    [Fact]
    public void The_logits_are_computed_once_for_loss_and_gradient()
    {
        var graph = new TensorGraph();
        var (x, w) = (graph.Parameter("x", new Shape(4, 3)), graph.Parameter("w", new Shape(7, 3)));
        var nll = graph.Add(new LinearCrossEntropy(), [x, w, graph.Constant([1, 2, 3, 4])]);
        graph.Output("loss", nll.SumAll());
        Differentiate(graph, nll.SumAll() * 0.25f, [x, w]);
        var optimized = Pipeline.Cpu.Run(graph);
        Assert.DoesNotContain(optimized.Nodes, n => n.Op is LinearCrossEntropy);
        Assert.Single(optimized.Nodes, n => n.Op is LinearCrossEntropyGradient);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_first_norm_of_wider_heads_widens_them_for_all_and_the_last_gradient_narrows_its_sum_unless_that_is_read_elsewhere(bool elsewhere)
    {
        var graph = new TensorGraph();
        var (x, w, u) = (graph.Parameter("x", new Shape(4, 6)), graph.Parameter("w", new Shape(10)), graph.Parameter("u", new Shape(10)));
        var wide = x.Reshape(4, 2, 3).Pad(2, 0, 2).Reshape(4, 10);
        var y = graph.Add(new Norm(false, 1e-6f), [wide, w]) * graph.Add(new Norm(false, 1e-6f), [wide, u]) + wide;
        Differentiate(graph, y.SumAll(), elsewhere ? [x, wide, w, u] : [x, w, u]);
        var optimized = Pipeline.Gpu.Run(graph);
        var widening = Assert.Single(optimized.Nodes, n => n.Op is WideningNorm { Heads: 2 });
        Assert.DoesNotContain(optimized.Nodes, n => n.Op is Pad);
        Assert.Same(widening.Outputs[WideningNorm.Widened], Assert.Single(optimized.Nodes, n => n.Op is Norm).Inputs[0]);
        Assert.Equal(elsewhere ? 0 : 1, optimized.Nodes.Count(n => n.Op is NarrowingNormBackward { Inner: NormBackwardAdd, Heads: 2, Width: 6 }));
        Assert.Equal(elsewhere ? 2 : 1, optimized.Nodes.Count(n => n.Op is NormBackwardAdd));
    }

    [Theory]
    [InlineData(2, 3, 0)] // before every head
    [InlineData(1, 0, 2)] // further heads
    public void Zeros_elsewhere_than_at_the_ends_of_heads_stay_what_they_are(int axis, int before, int after)
    {
        var graph = new TensorGraph();
        var (x, w) = (graph.Parameter("x", new Shape(4, 6)), graph.Parameter("w", new Shape(12)));
        var wide = x.Reshape(4, 2, 3).Pad(axis, before, after).Reshape(4, 12);
        graph.Output("y", graph.Add(new Norm(false, 1e-6f), [wide, w]));
        Assert.Contains(Pipeline.Gpu.Run(graph).Nodes, n => n.Op is Pad);
    }

    [Fact]
    public void A_chain_of_elementwise_ops_is_one_kernel_with_one_result()
    {
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(5, 8));
        var scale = graph.Input("scale", DType.Float32, new Shape(8));
        graph.Output("y", ((x * scale + 1f).Sigmoid() * x).Reshape(40).Maximum(0f) - 3f);
        var kernels = Pipeline.Cpu.Run(graph).Nodes.Where(n => n.Op is not (Leaf or Constant or Reshape or Broadcast)).ToArray();
        Assert.Single(Assert.Single(kernels).Outputs);
    }

    [Fact]
    public void Groups_of_elementwise_ops_never_depend_on_themselves_through_others()
    {
        // y feeds a product whose result meets y again: the two halves must stay apart.
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(6, 6));
        var y = x.Exp();
        var z = y.MatMul(x);
        graph.Output("sum", y * 2f + z.Tanh());
        Assert.Equal(2, Pipeline.Cpu.Run(graph).Nodes.Count(n => n.Op is FusedElementwise));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void What_is_made_of_one_stored_value_is_made_where_it_is_read(bool alsoReadByTheProduct, int stored)
    {
        // The product needs y; twice y is for later alone.
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(6, 6));
        var y = x.Exp();
        var twice = y * 2f;
        graph.Output("sum", twice + (alsoReadByTheProduct ? twice.MatMul(y) : y.MatMul(x)).Tanh());
        var kernels = Pipeline.Cpu.Run(graph).Nodes.Where(n => n.Op is FusedElementwise).ToArray();
        Assert.Equal([stored, 1], kernels.Select(k => k.Outputs.Count));
        Assert.Equal(2, kernels[1].Inputs.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_that_go_to_known_places_are_fetched_from_there_unless_two_meet(bool meet)
    {
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(3, 4));
        graph.Output("y", x.ScatterRows(graph.Constant([4, -1, meet ? 4 : 1]), 6));
        var optimized = Pipeline.Cpu.Run(graph);
        Assert.Equal(meet, optimized.Nodes.Any(n => n.Op is ScatterRows));
        Assert.Equal(!meet, optimized.Nodes.Any(n => n.Op is GatherRows));
        Assert.Equal(Scatter(graph), Scatter(optimized));

        static float[] Scatter(TensorGraph graph)
        {
            using var device = new ReferenceDevice();
            using var program = device.Load(graph);
            for (var i = 0; i < 12; i++)
            {
                program.Floats("x")[i] = i + 1;
            }

            program.Run();
            return program.Output("y").ToArray();
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Gradients_of_slices_that_do_not_meet_are_joined_not_added(int overlap, bool joins)
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(5, 9));
        Tensor[] parts = [x.Slice(1, 6, 2), x.Slice(1, 0, 3), x.Slice(1, 3 - overlap, 2)];
        var loss = parts.Aggregate(graph.Constant(0f), (sum, part) => sum + (part * part).SumAll());
        graph.Output("gradient", Gradients.Of(loss, [x])[0]);
        var simple = new Simplify().Run(graph).Pruned();

        Assert.Equal(joins, simple.Outputs["gradient"].Node.Op is Concat);
        Assert.Equal(joins, !simple.Nodes.Any(n => n.Op is Pad));
    }

    [Fact]
    public void What_is_made_of_one_gradient_is_one_kernel()
    {
        var graph = new TensorGraph();
        var (x, a, b) = (graph.Parameter("x", new Shape(6, 6)), graph.Parameter("a", new Shape(6, 6)), graph.Parameter("b", new Shape(6, 6)));
        Differentiate(graph, (a * b).MatMul(x).SumAll(), [a, b]);
        var kernel = Assert.Single(Pipeline.Cpu.Run(graph).Nodes, n => n.Op is FusedElementwise);
        Assert.Equal(2, kernel.Outputs.Count);
    }

    private static void Differentiate(TensorGraph graph, Tensor loss, IReadOnlyList<Tensor> wanted)
    {
        foreach (var (gradient, i) in Gradients.Of(loss, wanted).Select((g, i) => (g, i)))
        {
            graph.Output($"gradient {i}", gradient);
        }
    }

    private static Dictionary<string, float[]> Evaluate(ReferenceDevice device, TensorGraph graph, OpCase at)
    {
        using var program = device.Load(graph);
        at.Fill(device, program);
        program.Run();
        return graph.Outputs.Keys.ToDictionary(name => name, name => program.Output(name).ToArray());
    }
}
