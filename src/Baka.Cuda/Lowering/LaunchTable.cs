namespace Baka.Cuda.Lowering;

/// <summary>Makes one launch of several of the same function: each block looks up in a table whose arguments are its own.</summary>
internal static class LaunchTable
{
    // A kernel's parameters may take 4 KB in all.
    private const int MaxBytes = 4096;

    /// <param name="alike">Launches of one function that do not depend on each other.</param>
    public static IReadOnlyList<Operation> Join(IReadOnlyList<BlockLaunch> alike)
    {
        var function = alike[0].Function;
        var parameters = Enumerable.Range(0, function.Parameters.Count);
        int[] varying = [.. parameters.Where(i => alike.Any(launch => !IsSame(launch.Arguments[i], alike[0].Arguments[i])))];
        int[] shared = [.. parameters.Except(varying)];
        var most = (MaxBytes / BlockKernel.SlotBytes - shared.Length) / (1 + varying.Length);
        return [.. alike.Chunk(most).Select(calls => calls.Length == 1 ? calls[0] : Join(function, calls, varying, shared))];
    }

    private static Launch Join(BlockKernel function, BlockLaunch[] calls, int[] varying, int[] shared)
    {
        var table = new List<Argument>();
        var blocks = 0;
        foreach (var call in calls)
        {
            table.AddRange([blocks, .. varying.Select(i => call.Arguments[i])]);
            blocks = checked(blocks + call.Blocks);
        }

        return new Launch(
            function.Table(calls.Length, varying), new Grid(blocks), function.Threads, 0, [new Argument.Struct(table), .. shared.Select(i => calls[0].Arguments[i])]);
    }

    private static bool IsSame(Argument a, Argument b) => (a, b) switch
    {
        (Argument.Pointer { View: var x }, Argument.Pointer { View: var y }) => x.Storage.Root == y.Storage.Root && x.Offset == y.Offset,
        _ => a.Equals(b),
    };
}
