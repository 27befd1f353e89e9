using System.Collections.Concurrent;
using System.Diagnostics;
using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Verification.Checks;

namespace Baka.Verification;

/// <summary>Carries out checks one after the other, while the reference computes ahead on the other cores.</summary>
public static class Verifier
{
    private const string LifeGroup = "device";

    /// <summary>Has devices that only plan do all that checks will ask of a real one, on all cores.</summary>
    /// <param name="open">Makes such a device. What it refuses is passed over here: the real one will refuse it too.</param>
    public static void Exercise(IReadOnlyList<Check> checks, Func<IDevice> open) => ForEach(checks, check =>
    {
        try
        {
            check.Exercise(open);
        }
        catch (Exception)
        {
            // The check itself will tell.
        }
    });

    /// <summary>Results as they come. A check that throws has failed; one after which the device does nothing any more is the last.</summary>
    public static IEnumerable<CheckResult> Run(Target target, IReadOnlyList<Check> checks, CancellationToken stop = default)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var references = Task.Run(
            () => ForEach(checks, check =>
            {
                if (!end.IsCancellationRequested)
                {
                    check.Prepare();
                }
            }),
            CancellationToken.None);
        try
        {
            foreach (var check in checks)
            {
                stop.ThrowIfCancellationRequested();
                var result = Run(target, check, out var threw);
                yield return result;
                if (threw && FindDead(target) is { } reason)
                {
                    yield return new CheckResult(LifeGroup, "still computes", false, null, null, $"after '{check.Name}' it does not: {reason}; later checks were left out", 0);
                    yield break;
                }
            }
        }
        finally
        {
            end.Cancel();
            references.Wait(CancellationToken.None);
        }
    }

    /// <summary>In their order, one at a time on every core but one: devices, too, have work for the pool of threads, and must not wait for a reference.</summary>
    private static void ForEach(IEnumerable<Check> checks, Action<Check> action) => Parallel.ForEach(
        Partitioner.Create(checks, EnumerablePartitionerOptions.NoBuffering),
        new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount - 1) },
        action);

    private static CheckResult Run(Target target, Check check, out bool threw)
    {
        threw = false;
        check.Prepare();
        var start = Stopwatch.GetTimestamp();
        try
        {
            var verdict = check.Run(target.Open);
            return new CheckResult(check.Group, check.Name, verdict.Passed, verdict.Error, verdict.Tolerance, verdict.Detail, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        catch (Exception failure)
        {
            threw = true;
            return new CheckResult(check.Group, check.Name, false, null, null, failure.Message, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <summary>A kernel that failed may have spoilt the device for this process.</summary>
    /// <returns>Null if it still computes.</returns>
    private static string? FindDead(Target target)
    {
        try
        {
            var graph = new TensorGraph();
            graph.Output("y", graph.Input("x", DType.Float32, new Shape(1)) + 1f);
            using var device = target.Open();
            using var program = device.Load(graph);
            program.Floats("x")[0] = 1;
            program.Run();
            return program.Output("y")[0] == 2 ? null : "1 + 1 is not 2";
        }
        catch (Exception failure)
        {
            return failure.Message;
        }
    }
}
