using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Gives every scratch storage a place in one arena. Storages whose lifetimes do not meet may overlap; the largest
/// choose first and take the lowest place that is free while they live (greedy by size, arXiv 2001.03288).
/// </summary>
internal static class MemoryPlanner
{
    // A cache line and the widest vector of processors, and what matrix products on GPUs are fastest with.
    private const long Alignment = 256;

    /// <summary>Sets lifetimes and offsets of all scratch storages; returns the size of the arena in bytes.</summary>
    public static long Plan(IReadOnlyList<Step> steps)
    {
        var storages = FindLifetimes(steps);
        ShareInPlace(steps);
        var roots = storages.Where(s => s.Root == s).OrderByDescending(s => s.Bytes).ThenBy(s => s.First).ToArray();
        var placed = new List<Storage>(roots.Length);
        var size = 0L;
        foreach (var storage in roots)
        {
            storage.Offset = LowestGap(storage, placed);
            placed.Insert(placed.FindIndex(other => other.Offset > storage.Offset) is >= 0 and var index ? index : placed.Count, storage);
            size = Math.Max(size, storage.Offset + Padded(storage));
        }

        return size;
    }

    private static long Padded(Storage storage) => (storage.Bytes + Alignment - 1) / Alignment * Alignment;

    private static List<Storage> FindLifetimes(IReadOnlyList<Step> steps)
    {
        var storages = new List<Storage>();
        for (var i = 0; i < steps.Count; i++)
        {
            foreach (var storage in steps[i].Inputs.Concat(steps[i].Outputs).Select(v => v.Storage).Where(s => s.Kind == StorageKind.Arena))
            {
                if (storage.Last < 0)
                {
                    storages.Add(storage);
                }

                storage.First = Math.Min(storage.First, i);
                storage.Last = Math.Max(storage.Last, i);
            }
        }

        return storages;
    }

    /// <summary>Lets results of elementwise and accumulating kernels take the place of an operand that is read for the last time.</summary>
    private static void ShareInPlace(IReadOnlyList<Step> steps)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            var candidates = step.Op switch
            {
                FusedElementwise => step.Inputs,
                AddingOp adding => [step.Inputs[adding.Addend]],
                ReplaceRows => [step.Inputs[0]],
                _ => [],
            };
            var taken = new HashSet<Storage>();
            foreach (var output in step.Outputs.Where(o => o.Storage.Kind == StorageKind.Arena && o.IsWhole && o.Storage.First == i))
            {
                var operand = candidates.FirstOrDefault(c =>
                    c.Storage.Kind == StorageKind.Arena && c.IsWhole && c.Storage.Root.Last == i && c.Storage.Bytes == output.Storage.Bytes && c.Storage.Type == output.Storage.Type
                    && !taken.Contains(c.Storage.Root)
                    && step.Inputs.Where(other => other.Storage.Root == c.Storage.Root).All(other => other.IsWhole));
                if (operand is not null)
                {
                    taken.Add(operand.Storage.Root);
                    output.Storage.Share(operand.Storage.Root);
                }
            }
        }
    }

    /// <param name="placed">By offset.</param>
    private static long LowestGap(Storage storage, List<Storage> placed)
    {
        var offset = 0L;
        foreach (var other in placed.Where(o => o.First <= storage.Last && storage.First <= o.Last))
        {
            if (offset + Padded(storage) <= other.Offset)
            {
                break;
            }

            offset = Math.Max(offset, other.Offset + Padded(other));
        }

        return offset;
    }
}
