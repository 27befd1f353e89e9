namespace Baka.Graph;

/// <summary>Sorts things so that each comes after what it depends on.</summary>
public static class TopologicalOrder
{
    /// <summary>
    /// The indices 0 … count − 1 in topological order; among those that are ready, the one with the least rank first.
    /// </summary>
    /// <exception cref="GraphException">There is a cycle.</exception>
    public static IReadOnlyList<int> Of(int count, Func<int, IEnumerable<int>> dependencies, Func<int, int> rank)
    {
        var readers = new List<int>[count];
        var missing = new int[count];
        for (var i = 0; i < count; i++)
        {
            readers[i] = [];
        }

        for (var i = 0; i < count; i++)
        {
            // One that is named twice is waited for twice.
            foreach (var source in dependencies(i))
            {
                readers[source].Add(i);
                missing[i]++;
            }
        }

        var ready = new PriorityQueue<int, int>();
        for (var i = 0; i < count; i++)
        {
            if (missing[i] == 0)
            {
                ready.Enqueue(i, rank(i));
            }
        }

        var order = new List<int>(count);
        while (ready.TryDequeue(out var next, out _))
        {
            order.Add(next);
            foreach (var reader in readers[next])
            {
                if (--missing[reader] == 0)
                {
                    ready.Enqueue(reader, rank(reader));
                }
            }
        }

        return order.Count == count ? order : throw new GraphException("the nodes depend on each other in a cycle");
    }
}
