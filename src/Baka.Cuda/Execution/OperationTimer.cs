using Baka.Cuda.Interop;

namespace Baka.Cuda.Execution;

/// <summary>Takes the times between marks in a stream.</summary>
internal sealed class OperationTimer(CudaContext context, int marks) : IDisposable
{
    // The first is the start.
    private readonly CudaEvent[] _events = [.. Enumerable.Range(0, marks + 1).Select(_ => new CudaEvent(context))];

    public void Start(CudaStream stream) => _events[0].Record(stream);

    public void Mark(int index, CudaStream stream) => _events[index + 1].Record(stream);

    /// <summary>From the mark before to this one, once the stream has passed both.</summary>
    public float Milliseconds(int index) => _events[index + 1].MillisecondsSince(_events[index]);

    public void Dispose()
    {
        foreach (var moment in _events)
        {
            moment.Dispose();
        }
    }
}
