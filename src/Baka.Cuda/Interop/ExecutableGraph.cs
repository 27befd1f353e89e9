namespace Baka.Cuda.Interop;

/// <summary>A recorded program: all its kernels, copies and products start with one call.</summary>
internal sealed unsafe class ExecutableGraph : IDisposable
{
    private readonly CudaContext _context;
    private readonly Driver _driver;
    private nint _handle;

    /// <param name="graph">What was captured; it is taken over.</param>
    public ExecutableGraph(CudaContext context, nint graph)
    {
        _context = context;
        _driver = context.Driver;
        try
        {
            nuint nodes = 0;
            _driver.Check(_driver.GraphGetNodes(graph, null, &nodes), "cuGraphGetNodes");
            Nodes = (int)nodes;
            nint handle;
            _driver.Check(_driver.GraphInstantiate(&handle, graph, 0), "cuGraphInstantiateWithFlags");
            _handle = handle;
        }
        finally
        {
            _ = _driver.GraphDestroy(graph);
        }
    }

    /// <summary>Number of kernels, copies and clears; products may need several.</summary>
    public int Nodes { get; }

    /// <summary>Brings the program to the GPU, so that the first launch is as fast as the others.</summary>
    public void Upload(CudaStream stream) => _driver.Check(_driver.GraphUpload(_handle, stream.Handle), "cuGraphUpload");

    public void Launch(CudaStream stream) => _driver.Check(_driver.GraphLaunch(_handle, stream.Handle), "cuGraphLaunch");

    public void Dispose()
    {
        if (_handle != 0)
        {
            _ = _driver.ContextSetCurrent(_context.Handle);
            _ = _driver.GraphExecDestroy(_handle);
            _handle = 0;
        }
    }
}
