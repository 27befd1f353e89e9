using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Tests;

public sealed class FinishProductsTests
{
    private static readonly Pipeline Eager = Pipeline.ForHopper(leastResults: 1, leastPositions: 1);

    [Fact]
    public void What_reads_a_product_becomes_the_end_of_its_kernel()
    {
        var graph = new TensorGraph();
        var (a, b, c) = (Matrix(graph, "a", 6, 8), Matrix(graph, "b", 8, 4), Matrix(graph, "c", 6, 4));
        graph.Output("y", c * a.MatMul(b).Tanh() + 1f);

        var node = Assert.Single(Kernels(Eager, graph));
        Assert.Equal((1, 0), node.Op is FinishedProduct product ? (product.Products, product.Kept) : default);
        Assert.Equal([new Shape(6, 8), new Shape(8, 4), new Shape(6, 4)], node.Inputs.Select(i => i.Shape));
        Agrees(graph);
    }

    [Fact]
    public void A_product_that_others_read_later_is_kept_through_reshapes_too()
    {
        var graph = new TensorGraph();
        var (a, b) = (Matrix(graph, "a", 6, 8), Matrix(graph, "b", 8, 4));
        var product = a.MatMul(b).Reshape(2, 3, 4);
        var y = product.Tanh();
        graph.Output("y", y);
        graph.Output("z", product.Reshape(6, 4).MatMul(y.Reshape(6, 4), transposeOther: true));

        var finished = Assert.Single(Kernels(Eager, graph), n => n.Op is FinishedProduct);
        Assert.Equal([new Shape(6, 4), new Shape(2, 3, 4)], finished.Outputs.Select(o => o.Shape));
        Assert.Equal(2, Kernels(Eager, graph).Length);
        Agrees(graph);
    }

    [Fact]
    public void A_product_that_others_read_before_stays_for_itself()
    {
        var graph = new TensorGraph();
        var (a, b) = (Matrix(graph, "a", 6, 8), Matrix(graph, "b", 8, 6));
        var product = a.MatMul(b);
        graph.Output("y", product.MatMul(product).Tanh() * product);

        Assert.Equal([typeof(MatMul), typeof(FinishedProduct)], Kernels(Eager, graph).Select(n => n.Op.GetType()));
        Agrees(graph);
    }

    [Fact]
    public void Gate_and_up_become_one_kernel_with_what_is_made_of_them_and_are_kept_for_the_gradient()
    {
        var graph = new TensorGraph();
        var x = Matrix(graph, "x", 6, 8);
        Tensor[] weights = [.. new[] { "gate", "up", "other", "more" }.Select(name => graph.Parameter(name, new Shape(5, 8)))];
        var (gate, up, other, more) = (x.Linear(weights[0]), x.Linear(weights[1]), x.Linear(weights[2]), x.Linear(weights[3]));
        var loss = ((up * gate.Sigmoid()).MatMul(other, transposeThis: true) + more.MatMul(more, transposeThis: true)).SumAll();
        graph.Output("loss", loss);
        foreach (var (weight, gradient) in weights.Zip(Gradients.Of(loss, weights)))
        {
            graph.Output(((Variable)weight.Node.Op).Name, gradient);
        }

        var kernels = Kernels(Eager, graph);
        var pair = Assert.Single(kernels, n => n.Op is FinishedProduct { Products: 2 });
        Assert.Equal((2, 3), (((FinishedProduct)pair.Op).Kept, pair.Outputs.Count));
        Assert.Contains(kernels, n => n.Op is MatMul { TransposeB: true } && n.Outputs[0].Shape.Equals(new Shape(6, 10)));
        Assert.Contains(Kernels(Pipeline.Gpu, graph), n => n.Op is MatMul { TransposeB: true } && n.Outputs[0].Shape.Equals(new Shape(6, 20)));
        Agrees(graph);
    }

    [Fact]
    public void Of_two_products_the_one_with_the_longer_sums_is_finished()
    {
        var graph = new TensorGraph();
        var (a, b, c, d) = (Matrix(graph, "a", 6, 8), Matrix(graph, "b", 8, 4), Matrix(graph, "c", 6, 3), Matrix(graph, "d", 3, 4));
        graph.Output("y", a.MatMul(b).Sigmoid() + c.MatMul(d).Tanh());

        Assert.Equal([new Shape(6, 8), new Shape(8, 4), new Shape(6, 4)], Kernels(Eager, graph).Single(n => n.Op is FinishedProduct).Inputs.Select(i => i.Shape));
        Agrees(graph);
    }

    [Fact]
    public void Small_products_stay_for_themselves()
    {
        var graph = new TensorGraph();
        graph.Output("y", Matrix(graph, "a", 6, 8).MatMul(Matrix(graph, "b", 8, 4)).Tanh());
        Assert.Equal([typeof(MatMul), typeof(FusedElementwise)], Kernels(Pipeline.Hopper, graph).Select(n => n.Op.GetType()));
    }

    [Theory]
    [InlineData(64, 1, 0, true)]
    [InlineData(64, 1, 3, false)]
    [InlineData(64, 2, 0, false)]
    [InlineData(48, 1, 0, false)]
    public void Steps_stay_one_product_where_there_is_a_kernel(int width, int stride, int history, bool stays)
    {
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(2, history + 9, width));
        graph.Output("y", graph.Add(new StepLinear(4, stride, history), [x, graph.Parameter("w", new Shape(8, 4 * width))]));
        Assert.Equal(stays, Kernels(Eager, graph).Any(n => n.Op is StepLinear));
        Assert.DoesNotContain(Kernels(Pipeline.Gpu, graph), n => n.Op is StepLinear);
    }

    private static Tensor Matrix(TensorGraph graph, string name, int rows, int columns) => graph.Input(name, DType.Float32, new Shape(rows, columns));

    private static Node[] Kernels(Pipeline pipeline, TensorGraph graph) =>
        [.. pipeline.Run(graph).Nodes.Where(n => n.Op is not (Leaf or Constant or Reshape or Broadcast or Slice or Concat))];

    private static void Agrees(TensorGraph graph)
    {
        using var device = new ReferenceDevice();
        var (expected, actual) = (Run(graph.Pruned()), Run(Eager.Run(graph)));
        foreach (var (name, values) in expected)
        {
            Assert.All(values.Zip(actual[name]), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }

        Dictionary<string, float[]> Run(TensorGraph which)
        {
            using var program = device.Load(which);
            foreach (var (name, input) in which.Inputs)
            {
                Fill(program.Floats(name), input.Shape.Count);
            }

            foreach (var (name, shape) in device.Variables)
            {
                var values = new float[shape.Count];
                Fill(values, shape.Count);
                device.Write(name, values);
            }

            program.Run();
            return which.Outputs.Keys.ToDictionary(name => name, name => program.Output(name).ToArray());
        }
    }

    private static void Fill(Span<float> values, long seed)
    {
        var random = new Random((int)seed);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = random.NextSingle() * 2 - 1;
        }
    }
}
