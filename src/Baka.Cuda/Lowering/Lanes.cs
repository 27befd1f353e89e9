namespace Baka.Cuda.Lowering;

/// <summary>
/// Operations on two lanes, each of which goes in order. One aside begins when all that is before it on the main lane is
/// done, and runs beside what follows. What touches what it touches waits for it, or goes aside as well if that is not
/// needed soon, as where the gradient of a parameter is added to others.
/// </summary>
internal sealed class Lanes
{
    /// <summary>Operations, or steps, after which what is aside is done: whoever needs it then hardly has to wait.</summary>
    public const int Soon = 8;

    private readonly List<LaneOperation> _operations = [];

    /// <param name="operations">Their storages have their places.</param>
    public Lanes(IReadOnlyList<Operation> operations)
    {
        // Operations aside that the main lane has not waited for. What is read and what is written is not told apart.
        var unfinished = new List<(int Number, TouchedMemory Touched)>();
        var (last, waitedFor) = (-1, -1);
        for (var number = 0; number < operations.Count; number++)
        {
            var operation = operations[number];
            var touched = new TouchedMemory();
            touched.Add(operation.Views, areWritten: true);
            var met = unfinished.FindLastIndex(aside => aside.Touched.Meets(operation.Views, areWritten: true));
            var isNeededSoon = operations.Skip(number + 1).Take(Soon).Any(next => next is not Launch { IsAside: true } && touched.Meets(next.Views, areWritten: true));

            // The other lane can only branch off from something.
            if (last >= 0 && operation is Launch launch && (launch.IsAside || (met >= 0 && !isNeededSoon)))
            {
                _operations.Add(new LaneOperation(operation, IsAside: true, last > waitedFor ? last : null));
                unfinished.Add((number, touched));
                waitedFor = last;
            }
            else
            {
                _operations.Add(new LaneOperation(operation, IsAside: false, met >= 0 ? unfinished[met].Number : null));
                unfinished.RemoveRange(0, met + 1);
                last = number;
            }
        }

        EndsAfter = unfinished.Count > 0 ? unfinished[^1].Number : null;
    }

    /// <summary>In the order in which they are recorded.</summary>
    public IReadOnlyList<LaneOperation> Operations => _operations;

    /// <summary>Number of the operation aside that the main lane waits for in the end; null = it has waited for all.</summary>
    public int? EndsAfter { get; }

    /// <summary>Numbers of the operations that the other lane waits for, each once.</summary>
    public IEnumerable<int> Awaited => _operations.Select(operation => operation.After).Append(EndsAfter).OfType<int>();
}

/// <summary>An operation on its lane.</summary>
/// <param name="After">Number of the operation of the other lane that it waits for; null = its lane has waited for all it needs.</param>
internal readonly record struct LaneOperation(Operation Operation, bool IsAside, int? After);
