using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>What some steps or operations read and write, to tell whether another may run beside them.</summary>
internal sealed class TouchedMemory
{
    // Of the arena, in which storages overlap, and of every other storage.
    private readonly Dictionary<object, List<(long Start, long End, bool IsWritten)>> _ranges = [];

    /// <summary>Adds a step, unless it reads what one of the others writes or writes what one of them reads or writes.</summary>
    public bool TryAdd(Step step)
    {
        if (Meets(step.Inputs, areWritten: false) || Meets(step.Outputs, areWritten: true))
        {
            return false;
        }

        Add(step.Inputs, areWritten: false);
        Add(step.Outputs, areWritten: true);
        return true;
    }

    public void Add(IEnumerable<View> views, bool areWritten)
    {
        foreach (var view in views)
        {
            var place = Place(view);
            if (!_ranges.TryGetValue(place, out var ranges))
            {
                _ranges[place] = ranges = [];
            }

            var (start, end) = Range(view);
            ranges.Add((start, end, areWritten));
        }
    }

    /// <summary>Whether any of the views overlaps what is here, and one of both is written.</summary>
    public bool Meets(IEnumerable<View> views, bool areWritten)
    {
        foreach (var view in views)
        {
            if (_ranges.TryGetValue(Place(view), out var ranges))
            {
                var (start, end) = Range(view);
                if (ranges.Any(other => (areWritten || other.IsWritten) && other.Start < end && start < other.End))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static object Place(View view) => view.Storage.Kind is StorageKind.Arena or StorageKind.Scratch ? StorageKind.Arena : view.Storage;

    /// <summary>Bytes from the first to the last element; of scratch memory all, which kernels may use as they like.</summary>
    private static (long Start, long End) Range(View view)
    {
        var storage = view.Storage.Root;
        if (storage.Kind == StorageKind.Scratch)
        {
            return (storage.Offset, storage.Offset + storage.Bytes);
        }

        var start = Math.Max(storage.Offset, 0) + view.Offset * storage.Type.Bytes;
        return (start, start + (view.LastElement + 1) * storage.Type.Bytes);
    }
}
