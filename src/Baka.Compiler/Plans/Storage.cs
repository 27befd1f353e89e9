using System.Collections.Immutable;

namespace Baka.Compiler.Plans;

public enum StorageKind
{
    /// <summary>Scratch of one evaluation: a place in the arena, shared with others over time.</summary>
    Arena,

    /// <summary>A variable of the device.</summary>
    Variable,

    /// <summary>Filled by the caller before an evaluation.</summary>
    Input,

    /// <summary>Read by the caller after an evaluation.</summary>
    Output,

    /// <summary>Known when the plan is made.</summary>
    Constant,

    /// <summary>Parameters as products read them: see <see cref="PreparedWeights"/>.</summary>
    Prepared,

    /// <summary>Scratch of one step alone: a place in the arena, too.</summary>
    Scratch,
}

/// <summary>A stretch of device memory that views look into.</summary>
public sealed class Storage(StorageKind kind, string name, Element type, long count)
{
    private Storage? _sharedWith;

    public StorageKind Kind { get; } = kind;

    /// <summary>Name of the variable, input or output; for the arena the module that made the value.</summary>
    public string Name { get; } = name;

    public Element Type { get; } = type;

    /// <summary>Number of elements.</summary>
    public long Count { get; } = count;

    public long Bytes => Count * Type.Bytes;

    /// <summary>Whether a variable is a parameter.</summary>
    public bool IsParameter { get; init; }

    /// <summary>Whether a variable is a parameter or a moment of one: it changes by small steps.</summary>
    public bool IsTrained { get; init; }

    /// <summary>Whether a variable is what rows carry: each group of rows then has an equal part of it.</summary>
    public bool IsCarried { get; init; }

    /// <summary>What a step needs for itself.</summary>
    /// <param name="step">Its number in the plan; below 0 for what runs before the first.</param>
    public static Storage Scratch(Element type, long count, int step) => new(StorageKind.Scratch, "scratch", type, count) { First = step, Last = step };

    /// <summary>The value of a constant.</summary>
    public ImmutableArray<int> Bits { get; init; } = [];

    /// <summary>First step that writes and last step that reads it.</summary>
    public int First { get; internal set; } = int.MaxValue;

    public int Last { get; internal set; } = -1;

    /// <summary>Place in the arena, in bytes.</summary>
    public long Offset { get; set; } = -1;

    /// <summary>The storage that really exists: a result may take the place of an operand that is read no more.</summary>
    public Storage Root => _sharedWith?.Root ?? this;

    internal void Share(Storage with)
    {
        _sharedWith = with;
        with.First = Math.Min(with.First, First);
        with.Last = Math.Max(with.Last, Last);
    }
}
