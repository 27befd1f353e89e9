using Baka.Cpu.Execution;
using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using FsCheck;
using FsCheck.Fluent;

namespace Baka.Cpu.Tests.Execution;

/// <summary>
/// Graphs nobody thought of: a list of numbers is read as a program that builds a graph out of all kinds of ops on all
/// kinds of views. What the compiler makes of it must equal the reference; a failure shrinks to a short program.
/// </summary>
public sealed class RandomGraphTests
{
    private const int Rows = 6;
    private const int Columns = 8;

    [Fact]
    public void Any_graph_compiles_to_what_the_reference_computes()
    {
        var programs = ArbMap.Default.ArbFor<int[]>();
        Prop.ForAll(programs, program => Agree(program))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(60));
    }

    private static bool Agree(int[] program)
    {
        using var reference = new ReferenceDevice();
        using var cpu = new CpuDevice(2, MemoryUse.Poisoned);
        var expected = Run(reference, program);
        var actual = Run(cpu, program);
        return expected.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4f * (1 + Math.Abs(pair.First)));
    }

    /// <summary>Runs the program's graph twice, so that assigned variables count; returns all that can be seen of it.</summary>
    private static float[] Run(IDevice device, int[] program)
    {
        var graph = Build(program);
        using var loaded = device.Load(graph);
        foreach (var (name, shape) in device.Variables)
        {
            device.Write(name, Values(name, shape));
        }

        Values("x", new Shape(Rows, Columns)).CopyTo(loaded.Floats("x"));
        var seen = new List<float>();
        for (var run = 0; run < 2; run++)
        {
            loaded.Run();
            foreach (var output in graph.Outputs.Keys)
            {
                seen.AddRange(loaded.Output(output));
            }
        }

        foreach (var (name, shape) in device.Variables.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            var values = new float[shape.Count];
            device.Read(name, values);
            seen.AddRange(values);
        }

        return [.. seen];
    }

    private static float[] Values(string name, Shape shape)
    {
        var random = new Random(name.Aggregate(7, (hash, c) => hash * 31 + c));
        return [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>Every number adds one matrix [rows, columns] made from two that exist; values stay near 1.</summary>
    private static TensorGraph Build(int[] program)
    {
        var graph = new TensorGraph();
        var state = graph.State("state", new Shape(Rows, Columns));
        var weight = graph.Parameter("weight", new Shape(Columns, Columns));
        var second = graph.Parameter("second", new Shape(Columns, Columns));
        var norm = graph.Parameter("norm", new Shape(Columns));
        List<Tensor> made = [graph.Input("x", DType.Float32, new Shape(Rows, Columns)), state];
        foreach (var number in program)
        {
            var code = Math.Abs((long)number);
            var a = made[(int)(code / 16 % made.Count)];
            var b = made[(int)(code / 256 % made.Count)];
            made.Add((code % 16) switch
            {
                0 => (a + b) * 0.5f,
                1 => a * b,
                2 => (a - b).Tanh(),
                3 => a.Less(b).Select(a, b * 0.5f),
                4 => (a * 0.3f).MatMul(weight),
                5 => (a * 0.3f).Linear(weight) + (a * 0.3f).Linear(second),
                6 => (a * 0.3f).Linear(second) + b,
                7 => a.Reshape(2, 3, Columns).Permute(1, 0, 2).Reshape(Rows, Columns),
                8 => Tensor.Concat(0, a.Slice(0, 2, 4), b.Slice(0, 0, 2)),
                9 => Tensor.Concat(1, b.Slice(1, 3, 5), a.Slice(1, 0, 3)).Sigmoid(),
                10 => a.Slice(0, 1, 3).Pad(0, 2, 1) + b,
                11 => (a.Sum(0) * (1f / Rows)).BroadcastTo(a.Shape) - b * a.Sum(1) * 0.1f,
                12 => graph.Add(new Graph.Ops.Norm(false, 1e-6f), [a + 0.1f, norm]),
                13 => a.Reshape(Columns, Rows).Exp().Reshape(Rows, Columns) * 0.3f,
                14 => a.Permute(1, 0).Reshape(Rows, Columns).Maximum(b),
                _ => a.GatherRows(graph.Constant([5, -1, 0, 0, 3, 2])) + b,
            });
        }

        graph.Output("last", made[^1]);
        graph.Output("sum", made.Aggregate((x, y) => x + y) / made.Count);
        graph.Assign(state, made[^1].Tanh());
        if (program.Length > 0)
        {
            var loss = (made.Aggregate((x, y) => x + y) / made.Count + 0.01f * weight.SumAll() + second.SumAll() * 0.01f).SumAll();
            var gradients = Gradients.Of(loss, [weight, second]);
            graph.Output("gradient", gradients[0]);
            graph.Assign(weight, weight - gradients[0] * 0.01f);
            graph.Assign(second, second - gradients[1] * 0.01f);
        }

        return graph;
    }
}
