using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Threading;

public sealed class ThreadTeamTests
{
    // Long enough for any machine: a test that needs it has found a deadlock.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static TheoryData<int> Sizes => [1, 2, 3, 5];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_worker_runs_its_share_once(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var runs = new int[size];
        var work = new Work((worker, workers) =>
        {
            Assert.Equal(size, workers);
            runs[worker]++;
        });
        for (var i = 1; i <= 2000; i++)
        {
            team.Run(work);
            Assert.All(runs, count => Assert.Equal(i, count));
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Workers_that_fell_asleep_wake_up_again(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var runs = 0;
        var work = new Work((_, _) => Interlocked.Increment(ref runs));
        var random = new Random(1);
        for (var i = 1; i <= 60; i++)
        {
            // Around the time after which idle workers go to sleep, so that some runs meet one on its way there.
            Thread.Sleep(random.Next(0, 12));
            team.Run(work);
            Assert.Equal(i * size, runs);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void What_was_written_before_a_barrier_is_read_after_it(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var written = new int[size];
        var wrong = 0;
        team.Run(new Work((worker, workers) =>
        {
            for (var turn = 1; turn <= 3000; turn++)
            {
                written[worker] = turn;
                team.Barrier();
                for (var other = 0; other < workers; other++)
                {
                    if (written[other] != turn) Interlocked.Increment(ref wrong);
                }

                team.Barrier();
            }
        }));
        Assert.Equal(0, wrong);
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_failure_of_any_worker_reaches_the_caller_and_frees_those_at_the_barrier(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var passed = 0;
        for (var i = 0; i < 100; i++)
        {
            var failing = i % size;
            var thrown = Assert.Throws<FormatException>(() => team.Run(new Work((worker, _) =>
            {
                team.Barrier();
                if (worker == failing) throw new FormatException();
                team.Barrier();
            })));
            Assert.NotNull(thrown.StackTrace);

            team.Run(new Work((_, _) =>
            {
                team.Barrier();
                Interlocked.Increment(ref passed);
                team.Barrier();
            }));
            Assert.Equal((i + 1) * size, passed);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_run_inside_a_run_is_refused(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var inner = new Work((_, _) => { });
        Assert.Throws<InvalidOperationException>(() => team.Run(new Work((_, _) => team.Run(inner))));
        team.Run(inner);
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Running_work_allocates_nothing(int size) => Within(Deadline, () =>
    {
        using var team = new ThreadTeam(size);
        var work = new Work((_, _) => team.Barrier());
        var allocations = new ThreadAllocations(team);
        allocations.Total();
        var before = allocations.Total();
        for (var i = 0; i < 50; i++) team.Run(work);
        Thread.Sleep(15);
        team.Run(work);
        Assert.Equal(0, allocations.Total() - before);
    });

    [Fact]
    public void Shares_cover_everything_once_and_begin_at_whole_grains()
    {
        var random = new Random(2);
        for (var i = 0; i < 2000; i++)
        {
            var count = i < 20 ? i : random.Next(1, i % 2 == 0 ? 300 : int.MaxValue);
            var workers = random.Next(1, 9);
            var grain = random.Next(1, 40);
            var reached = 0;
            for (var worker = 0; worker < workers; worker++)
            {
                var (start, end) = ThreadTeam.Share(count, worker, workers, grain);
                Assert.Equal(reached, start);
                Assert.True(end >= start);
                Assert.True(start % grain == 0 || start == count);
                reached = end;
            }

            Assert.Equal(count, reached);
        }
    }

    [Fact]
    public void A_team_may_be_disposed_twice()
    {
        var team = new ThreadTeam(3);
        team.Dispose();
        team.Dispose();
    }

    [Fact]
    public void A_team_of_nobody_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => new ThreadTeam(0));

    private static void Within(TimeSpan deadline, Action test)
    {
        var run = Task.Factory.StartNew(test, TaskCreationOptions.LongRunning);
        Assert.True(Task.WaitAny([run], deadline) == 0, "The team did not come back: a deadlock.");
        run.GetAwaiter().GetResult();
    }

    private sealed class Work(Action<int, int> share) : IParallelWork
    {
        public void Execute(int worker, int workers) => share(worker, workers);
    }
}
