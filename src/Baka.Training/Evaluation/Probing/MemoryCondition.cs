namespace Baka.Training.Evaluation.Probing;

/// <summary>What a window of a document finds in place of its own memory. In all cases the windows before were read as always.</summary>
public enum MemoryCondition
{
    /// <summary>Zeros in every carried variable. They are still there: attention sees keys and values of zeros.</summary>
    Zeroed,

    /// <summary>What it remembers of a document that is drawn anew for every window, after as many windows of that.</summary>
    Shuffled,

    /// <summary>What the model remembers of one other document after as many windows of it, the same until that document ends.</summary>
    OtherDocument,

    /// <summary>Nothing, as at a document's start: the past is masked, memory is the learned one.</summary>
    Absent,
}
