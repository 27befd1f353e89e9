namespace Baka.Training.Devices;

/// <summary>The managed heap beside the tensors' own memory.</summary>
internal static class ManagedMemory
{
    /// <summary>
    /// Gives back what texts and graphs have left on the heap. Called between preparation and the first step, it keeps
    /// the two from adding up in the peak of resident memory; the steps themselves allocate nothing.
    /// </summary>
    public static void Release() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
