using System.Collections.Concurrent;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Compilation;

/// <summary>Brings kernels from their texts to the GPU, each distinct text once: from the cache on disk, or compiled on all cores.</summary>
internal sealed unsafe class KernelCompiler : IDisposable
{
    private const string Prelude = "Primitives.cuh";

    private readonly CudaContext _context;
    private readonly SourceCompiler _compiler;
    private readonly CubinCache _cache;
    private readonly Dictionary<string, nint> _modules = [];
    private readonly Dictionary<Kernel, LoadedKernel> _kernels = [];
    private int _compiled;

    /// <param name="cacheFolder">Where machine code is kept from run to run.</param>
    public KernelCompiler(CudaContext context, string cacheFolder)
    {
        _context = context;
        _compiler = new SourceCompiler(context.Libraries.Nvrtc, SourceCompiler.Architecture(context.Profile.Major, context.Profile.Minor));
        _cache = new CubinCache(cacheFolder);
    }

    /// <summary>Every kernel loaded so far.</summary>
    public IReadOnlyDictionary<Kernel, LoadedKernel> Kernels => _kernels;

    /// <summary>Number of texts that had to be compiled, since the cache had them not.</summary>
    public int Compiled => _compiled;

    /// <summary>Makes kernels ready; they are in <see cref="Kernels"/> then.</summary>
    /// <exception cref="CudaException">A text is not valid.</exception>
    public void Load(IEnumerable<Kernel> kernels)
    {
        var missing = kernels.Distinct().Where(kernel => !_kernels.ContainsKey(kernel)).ToArray();
        var cubins = CompileTexts(missing.Where(kernel => !_modules.ContainsKey(kernel.Source)).DistinctBy(kernel => kernel.Source));
        foreach (var (source, cubin) in cubins)
        {
            nint module;
            fixed (byte* image = cubin)
            {
                _context.Driver.Check(_context.Driver.ModuleLoadData(&module, image), "cuModuleLoadData");
            }

            _modules[source] = module;
        }

        foreach (var kernel in missing)
        {
            _kernels[kernel] = new LoadedKernel(_context.Driver, _modules[kernel.Source], kernel.Name);
        }
    }

    /// <summary>Fills the cache with what is missing of these kernels.</summary>
    /// <exception cref="CudaException">A text is not valid.</exception>
    public void Compile(IEnumerable<Kernel> kernels) => CompileTexts(kernels.DistinctBy(kernel => kernel.Source));

    public void Dispose()
    {
        _ = _context.Driver.ContextSetCurrent(_context.Handle);
        foreach (var module in _modules.Values)
        {
            _ = _context.Driver.ModuleUnload(module);
        }

        _modules.Clear();
        _kernels.Clear();
    }

    private ConcurrentDictionary<string, byte[]> CompileTexts(IEnumerable<Kernel> kernels)
    {
        var cubins = new ConcurrentDictionary<string, byte[]>();

        // Compilation times differ widely: every core takes one text at a time.
        ManyThreads.Run(() => Parallel.ForEach(Partitioner.Create(kernels, EnumerablePartitionerOptions.NoBuffering), kernel => cubins[kernel.Source] = Cubin(kernel)));
        return cubins;
    }

    private byte[] Cubin(Kernel kernel)
    {
        var source = SourceFiles.Read(Prelude) + "\n" + kernel.Source;
        var key = CubinCache.Key(source, _compiler.Options, _compiler.Version);
        if (_cache.Read(key) is { } known)
        {
            return known;
        }

        var cubin = _compiler.Compile(source, kernel.Name);
        Interlocked.Increment(ref _compiled);
        _cache.Write(key, cubin);
        return cubin;
    }
}
