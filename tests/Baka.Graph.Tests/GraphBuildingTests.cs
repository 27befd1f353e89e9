namespace Baka.Graph.Tests;

public sealed class GraphBuildingTests
{
    [Fact]
    public void A_shape_mismatch_names_the_module_and_both_shapes()
    {
        var graph = new TensorGraph();
        using var layer = graph.Scope("layers.3");
        using var attention = graph.Scope("attn");
        var x = graph.Input("x", DType.Float32, new Shape(5, 8));
        var error = Assert.Throws<GraphException>(() => x.Linear(graph.Parameter("q.weight", new Shape(8, 9))));
        Assert.StartsWith("layers.3.attn: ", error.Message);
        Assert.Contains("[5, 8]", error.Message);
        Assert.Contains("[8, 9]", error.Message);
    }

    [Fact]
    public void The_same_op_on_the_same_operands_exists_once()
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(4));
        Assert.Same(x * 2f + x.Exp(), x * 2f + x.Exp());
        Assert.NotSame(x * 2f, x * 3f);
    }

    [Fact]
    public void Rewriting_drops_what_no_result_needs_and_keeps_the_signature()
    {
        var graph = new TensorGraph();
        var x = graph.Input("x", DType.Float32, new Shape(4));
        var unused = graph.Input("unused", DType.Float32, new Shape(2));
        _ = unused.Exp().Log();
        graph.Output("y", x + 1f);
        var pruned = graph.Pruned();
        Assert.DoesNotContain(pruned.Nodes, n => n.Op.Kind is "Exp" or "Log");
        Assert.Equal(["x", "unused"], pruned.Inputs.Keys);
    }

    [Fact]
    public void A_variable_cannot_have_two_shapes_or_two_new_values()
    {
        var graph = new TensorGraph();
        var memory = graph.State("memory", new Shape(2, 3));
        Assert.Throws<GraphException>(() => graph.State("memory", new Shape(3, 2)));
        Assert.Throws<GraphException>(() => graph.Assign(memory, graph.Parameter("p", new Shape(3))));
        graph.Assign(memory, memory * 2f);
        Assert.Throws<GraphException>(() => graph.Assign(memory, memory * 3f));
    }

    [Fact]
    public void Assigned_variables_keep_their_old_value_for_all_readers_of_the_same_evaluation()
    {
        var graph = new TensorGraph();
        var (a, b) = (graph.State("a", new Shape(2)), graph.State("b", new Shape(2)));
        graph.Assign(a, b + 1f);
        graph.Assign(b, a * 10f);
        using var device = new Reference.ReferenceDevice();
        using var program = device.Load(graph);
        device.Write("a", [1, 2]);
        device.Write("b", [3, 4]);
        program.Run();
        var (newA, newB) = (new float[2], new float[2]);
        device.Read("a", newA);
        device.Read("b", newB);
        Assert.Equal([4f, 5], newA);
        Assert.Equal([10f, 20], newB);
    }

    [Fact]
    public void The_debugging_device_names_the_module_that_first_makes_NaN()
    {
        var graph = new TensorGraph();
        var x = graph.Parameter("x", new Shape(2));
        using (graph.Scope("layers.1.mlp"))
        {
            graph.Output("y", x.Log());
        }

        using var device = new Reference.ReferenceDevice(stopAtNonFinite: true);
        using var program = device.Load(graph);
        device.Write("x", [1, -1]);
        var error = Assert.Throws<Reference.NonFiniteException>(() => program.Run());
        Assert.StartsWith("layers.1.mlp", error.Message);
    }
}
