namespace Baka.Cpu.Execution;

/// <summary>What a device does with memory beyond what its programs do.</summary>
public enum MemoryUse
{
    /// <summary>Variables begin as zeros; the arena holds whatever was there.</summary>
    Normal,

    /// <summary>The arena is filled with NaN before every evaluation, so that a read before the first write shows.</summary>
    Poisoned,

    /// <summary>Nothing is touched, so that memory is planned but not taken; programs must not run.</summary>
    Reserved,
}
