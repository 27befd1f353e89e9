using Baka.Compiler.Plans;
using Baka.Cuda.Execution;
using Baka.Cuda.Lowering;
using Baka.Cuda.Tests.Execution;
using Baka.Graph;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Verification.Models;

namespace Baka.Cuda.Tests.Lowering;

public sealed class LanesTests
{
    private static readonly View X = Apart();
    private static readonly View Parts = Apart();
    private static readonly View Sum = Apart();

    [Fact]
    public void An_operation_aside_begins_behind_what_is_before_it_and_is_waited_for_where_it_is_met()
    {
        var lanes = new Lanes([Next(X), Next(X, Parts), Aside(Parts, Sum), Next(X), new Clear(Sum), new Clear(Parts)]);
        Assert.Equal([false, false, true, false, false, false], lanes.Operations.Select(o => o.IsAside));
        Assert.Equal([null, null, 1, null, 2, null], lanes.Operations.Select(o => o.After));
        Assert.Null(lanes.EndsAfter);
        Assert.Equal([1, 2], lanes.Awaited);
    }

    [Fact]
    public void Stages_follow_each_other_and_one_wait_is_for_all_of_them()
    {
        var total = Apart();
        var lanes = new Lanes([Next(Parts), Aside(Parts, Sum), Aside(Sum, total), Next(X), new Clear(total), new Clear(Parts)]);
        Assert.Equal([null, 0, null, null, 2, null], lanes.Operations.Select(o => o.After));
        Assert.Null(lanes.EndsAfter);
    }

    [Fact]
    public void The_end_waits_for_what_nothing_has_waited_for()
    {
        var (other, otherSum) = (Apart(), Apart());
        var lanes = new Lanes([Next(Parts), Aside(Parts, Sum), Next(other), Aside(other, otherSum), new Clear(Sum), Next(X)]);
        Assert.Equal([null, 0, null, 2, 1, null], lanes.Operations.Select(o => o.After));
        Assert.Equal(3, lanes.EndsAfter);
    }

    [Fact]
    public void What_would_wait_goes_aside_as_well_unless_it_is_needed_soon()
    {
        var total = Apart();
        Lanes Needed(int later) => new([Next(Parts), Aside(Parts, Sum), Next(X), Next(Sum, total), .. Enumerable.Repeat(Next(X), later), new Clear(total)]);
        var (soon, late) = (Needed(Lanes.Soon - 1), Needed(Lanes.Soon));
        Assert.Equal((false, 1), (soon.Operations[3].IsAside, soon.Operations[3].After));
        Assert.Null(soon.Operations[^1].After);
        Assert.Equal((true, 2), (late.Operations[3].IsAside, late.Operations[3].After));
        Assert.Equal(3, late.Operations[^1].After);

        // Products have their working space on the main lane.
        var product = new Lanes([Next(Parts), Aside(Parts, Sum), new Product(X, false, X, false, Sum)]);
        Assert.Equal((false, 1), (product.Operations[2].IsAside, product.Operations[2].After));
    }

    [Fact]
    public void Where_nothing_is_aside_nothing_is_waited_for()
    {
        var lanes = new Lanes([Next(X), new Product(X, false, Parts, false, Sum), new Clear(X)]);
        Assert.Empty(lanes.Awaited);
        Assert.DoesNotContain(lanes.Operations, o => o.IsAside);
    }

    [Fact]
    public void What_is_first_has_nothing_to_run_beside()
    {
        var lanes = new Lanes([Aside(Parts, Sum), Next(Sum)]);
        Assert.Empty(lanes.Awaited);
        Assert.DoesNotContain(lanes.Operations, o => o.IsAside);
    }

    [Fact]
    public void Operands_are_met_wherever_they_are_named()
    {
        Operation[] readers =
        [
            Next(new Argument.Struct([new Argument.Int(1), new Argument.Struct([Sum])])),
            Next(new Argument.Map(Sum, 64)),
            new Product(Sum, false, X, false, X),
            new Product(X, false, Sum, false, X),
            new Product(X, false, X, false, Sum),
            new Product(X, false, X, false, X, Sum),
            new Clear(Sum),
        ];
        Assert.All(readers, reader => Assert.Equal(1, new Lanes([Next(Parts), Aside(Parts, Sum), reader, Next(Sum)]).Operations[2].After));
    }

    [Fact]
    public void Places_in_the_arena_are_met_by_whatever_storage_takes_them()
    {
        var parts = Placed(StorageKind.Scratch, 0, 1024);
        int? WaitOf(View view) => new Lanes([Next(parts), Aside(parts, Sum), new Clear(view)]).Operations[2].After;
        Assert.Equal(1, WaitOf(Placed(StorageKind.Arena, 768, 512)));
        Assert.Equal(1, WaitOf(Placed(StorageKind.Scratch, 768, 512)));
        Assert.Null(WaitOf(Placed(StorageKind.Arena, 1024, 512)));

        // Of other storages only what a view shows, of scratch memory all.
        Assert.Null(WaitOf(Placed(StorageKind.Arena, 768, 512).Slice(0, 64, 64)));
        Assert.Equal(1, WaitOf(Placed(StorageKind.Scratch, 768, 512).Slice(0, 64, 64)));
    }

    [Theory]
    [MemberData(nameof(CudaPlannerTests.Recipes), MemberType = typeof(CudaPlannerTests))]
    public void What_meets_an_operation_aside_is_ordered_by_waits(string name)
    {
        using var planner = new CudaPlanner(DeviceProfile.H100, Precision.BFloat16);
        var model = new LanguageModel(ModelCases.Zoo.GetValueOrDefault(name) ?? ModelCases.Large[name]);
        using var program = TrainingProgram.Create(planner, model, new TrainRecipe { Batch = 4, RowsPerPass = 2 }, 4, 2);
        var asides = 0;
        foreach (var lanes in planner.Lowered.Values.Select(lowered => lowered.Lanes))
        {
            var done = Done(lanes);
            var spans = lanes.Operations.Select(o => o.Operation.Views.Select(Span).ToArray()).ToArray();
            foreach (var aside in Enumerable.Range(0, lanes.Operations.Count).Where(number => lanes.Operations[number].IsAside))
            {
                Assert.IsAssignableFrom<Launch>(lanes.Operations[aside].Operation);
                Assert.True(done[^1].Aside >= aside);
                for (var main = 0; main < lanes.Operations.Count; main++)
                {
                    if (!lanes.Operations[main].IsAside && spans[main].Any(span => spans[aside].Any(other => Overlap(span, other))))
                    {
                        Assert.True(main < aside ? done[aside].Main >= main : done[main].Aside >= aside, $"{name}: {main} and {aside}");
                    }
                }

                asides++;
            }

            // Hardly any waits while it could run.
            Assert.DoesNotContain(lanes.Operations.Index(), o => !o.Item.IsAside && o.Item.After == o.Index - 1);
        }

        Assert.True(asides > 0);
    }

    /// <summary>For each operation, and then for the end, numbers of the last of each lane that is done before.</summary>
    private static List<(int Main, int Aside)> Done(Lanes lanes)
    {
        var done = new List<(int Main, int Aside)>();
        var (main, aside) = ((Main: -1, Aside: -1), (Main: -1, Aside: -1));
        for (var number = 0; number < lanes.Operations.Count; number++)
        {
            var (_, isAside, after) = lanes.Operations[number];
            if (isAside)
            {
                done.Add(after is { } other ? (Math.Max(aside.Main, other), Math.Max(aside.Aside, done[other].Aside)) : aside);
                aside = (done[number].Main, number);
            }
            else
            {
                done.Add(after is { } other ? (Math.Max(main.Main, done[other].Main), Math.Max(main.Aside, other)) : main);
                main = (number, done[number].Aside);
            }
        }

        done.Add((main.Main, Math.Max(main.Aside, lanes.EndsAfter ?? -1)));
        return done;
    }

    private static (object Place, long Start, long End) Span(View view)
    {
        var storage = view.Storage.Root;
        var start = view.Offset * storage.Type.Bytes;
        var end = start + (view.LastElement + 1) * storage.Type.Bytes;
        return storage.Kind is StorageKind.Arena or StorageKind.Scratch ? ("arena", storage.Offset + start, storage.Offset + end) : (storage, start, end);
    }

    private static bool Overlap((object Place, long Start, long End) a, (object Place, long Start, long End) b) =>
        a.Place.Equals(b.Place) && a.Start < b.End && b.Start < a.End;

    private static Launch Next(params Argument[] arguments) => new(new Kernel("", "kernel"), new Grid(1), 32, 0, arguments);

    private static Launch Aside(params Argument[] arguments) => Next(arguments) with { IsAside = true };

    /// <summary>A matrix in a storage of its own.</summary>
    private static View Apart() => new(new Storage(StorageKind.Variable, "apart", Element.Float32, 64), new Shape(8, 8));

    private static View Placed(StorageKind kind, long offset, long bytes)
    {
        var storage = new Storage(kind, "placed", Element.Float32, bytes / sizeof(float)) { Offset = offset };
        return new View(storage, new Shape((int)storage.Count));
    }
}
