using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Products;

/// <summary>Matrix products by cuBLASLt, with the algorithm that measured fastest for each shape.</summary>
internal sealed unsafe class ProductRunner : IDisposable
{
    // What NVIDIA recommends for Hopper. All products share it, since their stream runs them one after another.
    public const long WorkspaceBytes = 32 << 20;

    private const int Candidates = 8;

    // Free memory that measuring leaves to others.
    private const long Reserve = 256 << 20;

    // A later proposal has to be faster by more than noise.
    private const float Margin = 0.98f;

    private readonly CudaContext _context;
    private readonly CublasLt _library;
    private readonly nint _handle;
    private readonly DeviceMemory _workspace;
    private readonly AlgorithmFinder _finder;
    private readonly AlgorithmCache _cache;
    private readonly CudaStream _stream;
    private readonly ProductTimer _timer;
    private readonly Dictionary<ProductShape, PreparedProduct> _prepared = [];
    private readonly bool _fastTf32;

    /// <param name="stream">What all products run on.</param>
    /// <param name="cacheFolder">Where choices are kept from run to run.</param>
    /// <param name="fastTf32">Whether products of f32 operands may round them to 10 bits of precision for the tensor cores.</param>
    public ProductRunner(CudaContext context, CudaStream stream, string cacheFolder, bool fastTf32)
    {
        _context = context;
        _stream = stream;
        _timer = new ProductTimer(context, stream);
        _fastTf32 = fastTf32;
        _library = context.Libraries.CublasLt;
        nint handle;
        CublasLt.Check(_library.Create(&handle), "cublasLtCreate");
        _handle = handle;
        _workspace = new DeviceMemory(context, WorkspaceBytes);
        _finder = new AlgorithmFinder(_library, handle, WorkspaceBytes);
        _cache = new AlgorithmCache(cacheFolder, context.Profile.Name, _library.Version);
    }

    /// <summary>Number of shapes whose algorithm had to be measured, since the cache had it not.</summary>
    public int Measured { get; private set; }

    /// <summary>Describes a product and chooses its algorithm. Not while a program is recorded.</summary>
    /// <param name="scratch">Memory whose content may be lost; where it is too small, some is taken for the time of measuring.</param>
    /// <exception cref="ArgumentException">The operands' layouts or elements can't be multiplied.</exception>
    public PreparedProduct Prepare(Product product, DeviceMemory? scratch = null)
    {
        var shape = ProductShape.Of(product, _fastTf32);
        if (!_prepared.TryGetValue(shape, out var prepared))
        {
            prepared = new PreparedProduct(_library, shape);
            try
            {
                Choose(prepared, scratch);
            }
            catch
            {
                prepared.Dispose();
                throw;
            }

            _prepared[shape] = prepared;
        }

        return prepared;
    }

    /// <summary>Computes a prepared product on addresses of the operands' first elements. Can be recorded.</summary>
    /// <exception cref="CudaException">cuBLASLt refuses.</exception>
    /// <param name="c">Of what is added to; not read where nothing is.</param>
    public void Run(PreparedProduct product, ulong a, ulong b, ulong c, ulong d)
    {
        if (product.Shape.SwapsOperands)
        {
            (a, b) = (b, a);
        }

        CublasLt.Check(Start(product, ref product.Algorithm, a, b, c, d), "cublasLtMatmul");
    }

    public void Dispose()
    {
        foreach (var product in _prepared.Values)
        {
            product.Dispose();
        }

        _prepared.Clear();
        _workspace.Dispose();
        _ = _library.Destroy(_handle);
    }

    private int Start(PreparedProduct product, ref MatmulAlgorithm algorithm, ulong a, ulong b, ulong c, ulong d)
    {
        var alpha = 1f;
        var beta = product.Shape.Accumulate ? 1f : 0f;
        fixed (MatmulAlgorithm* chosen = &algorithm)
        {
            return _library.Matmul(
                _handle, product.Operation, &alpha, b, product.First, a, product.Second, &beta, c, product.Result, d, product.Result,
                chosen, _workspace.Address, (nuint)WorkspaceBytes, _stream.Handle);
        }
    }

    private void Choose(PreparedProduct product, DeviceMemory? scratch)
    {
        if (_cache.TryGet(product.Shape, out var known) && _finder.Accepts(product, known))
        {
            product.Algorithm = known;
            return;
        }

        var proposals = _finder.Propose(product, Candidates);
        product.Algorithm = proposals[0].Algorithm;
        if (Measure(product, proposals, scratch) is { } times)
        {
            var best = Fastest(times);
            product.Algorithm = float.IsFinite(times[best])
                ? proposals[best].Algorithm
                : throw new CudaException($"cuBLASLt refuses to compute the product {product.Shape} with any of its algorithms.");
            _cache.Put(product.Shape, product.Algorithm);
        }
    }

    /// <summary>Milliseconds of each proposal, or null where there is no memory to measure with.</summary>
    private float[]? Measure(PreparedProduct product, HeuristicResult[] proposals, DeviceMemory? scratch)
    {
        var need = ProductTimer.ScratchBytes(product.Shape);
        var lacks = scratch is null || scratch.Bytes < need;
        if (lacks && _context.FreeBytes < need + Reserve)
        {
            return null;
        }

        using var own = lacks ? new DeviceMemory(_context, need) : null;
        Measured++;
        return _timer.Measure(
            product.Shape,
            proposals.Length,
            (own ?? scratch!).Address,
            (i, a, b, d) => Start(product, ref proposals[i].Algorithm, a, b, d, d) == 0);
    }

    private static int Fastest(float[] times)
    {
        var best = 0;
        for (var i = 1; i < times.Length; i++)
        {
            if (times[i] < times[best] * Margin)
            {
                best = i;
            }
        }

        return best;
    }
}
