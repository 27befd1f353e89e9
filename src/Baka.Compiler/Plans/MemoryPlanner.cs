using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Gives what steps hand to each other, and what single ones need for themselves, a place in one arena. Storages whose
/// lifetimes do not meet may overlap; the largest choose first and take the lowest place that is free while they live
/// (greedy by size, arXiv 2001.03288).
/// </summary>
internal static class MemoryPlanner
{
    // A cache line and the widest vector of processors, and what matrix products on GPUs are fastest with.
    private const long Alignment = 256;

    /// <summary>Sets the offsets of all storages in the arena; returns its size in bytes.</summary>
    /// <param name="scratch">What single steps need besides.</param>
    public static long Place(IReadOnlyList<Step> steps, IEnumerable<Storage> scratch)
    {
        var storages = steps.SelectMany(s => s.Inputs.Concat(s.Outputs)).Select(v => v.Storage.Root).Where(s => s.Kind == StorageKind.Arena).Distinct().Concat(scratch);
        var roots = storages.OrderByDescending(s => s.Bytes).ThenBy(s => s.First).ToArray();
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

    private static void FindLifetimes(IReadOnlyList<Step> steps)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            foreach (var storage in steps[i].Inputs.Concat(steps[i].Outputs).Select(v => v.Storage).Where(s => s.Kind == StorageKind.Arena))
            {
                storage.First = Math.Min(storage.First, i);
                storage.Last = Math.Max(storage.Last, i);
            }
        }
    }

    /// <summary>
    /// Finds lifetimes, and lets results of elementwise and accumulating kernels take the place of an operand that is read for
    /// the last time. An elementwise program behind a product reads its own operands at the place that it writes, but the
    /// product's anywhere.
    /// </summary>
    public static void ShareInPlace(IReadOnlyList<Step> steps)
    {
        FindLifetimes(steps);
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            var (candidates, first) = step.Op switch
            {
                FusedElementwise => (step.Inputs, 0),
                FinishedProduct { Products: var products, Kept: var kept } => ([.. step.Inputs.Skip(1 + products)], kept),
                AddingOp adding => ([step.Inputs[adding.Addend]], 0),
                ReplaceRows => ([step.Inputs[0]], 0),
                _ => (Array.Empty<View>(), 0),
            };
            HashSet<Storage> taken = step.Op is FinishedProduct product ? [.. step.Inputs.Take(1 + product.Products).Select(v => v.Storage.Root)] : [];
            foreach (var output in step.Outputs.Skip(first).Where(o => o.Storage.Kind == StorageKind.Arena && o.IsWhole && o.Storage.First == i))
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
