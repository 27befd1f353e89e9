using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>What some steps read and write, to tell whether another may run beside them.</summary>
internal sealed class TouchedMemory
{
    // Of the arena, in which storages overlap, and of every other storage.
    private readonly Dictionary<object, List<(long Start, long End, bool IsWritten)>> _ranges = [];

    /// <summary>Adds a step, unless it reads what one of the others writes or writes what one of them reads or writes.</summary>
    public bool TryAdd(Step step)
    {
        if (step.Inputs.Any(view => Meets(view, isWritten: false)) || step.Outputs.Any(view => Meets(view, isWritten: true)))
        {
            return false;
        }

        foreach (var view in step.Inputs)
        {
            Ranges(view).Add(Range(view, isWritten: false));
        }

        foreach (var view in step.Outputs)
        {
            Ranges(view).Add(Range(view, isWritten: true));
        }

        return true;
    }

    private bool Meets(View view, bool isWritten)
    {
        var (start, end, _) = Range(view, isWritten);
        return Ranges(view).Any(other => (isWritten || other.IsWritten) && other.Start < end && start < other.End);
    }

    private List<(long Start, long End, bool IsWritten)> Ranges(View view)
    {
        object place = view.Storage.Kind == StorageKind.Arena ? StorageKind.Arena : view.Storage;
        if (!_ranges.TryGetValue(place, out var ranges))
        {
            _ranges[place] = ranges = [];
        }

        return ranges;
    }

    /// <summary>Bytes from the first to the last element.</summary>
    private static (long Start, long End, bool IsWritten) Range(View view, bool isWritten)
    {
        var storage = view.Storage.Root;
        var start = Math.Max(storage.Offset, 0) + view.Offset * storage.Type.Bytes;
        return (start, start + (view.LastElement + 1) * storage.Type.Bytes, isWritten);
    }
}
