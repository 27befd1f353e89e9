using Baka.Cpu.Execution;
using Baka.Cuda.Execution;
using Baka.Cuda.Interop;
using Baka.Data;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Recipes;
using Baka.Training.Corpora;

namespace Baka.Training.Devices;

/// <summary>Which device to compute on.</summary>
/// <param name="Name">"cpu" or "cuda".</param>
/// <param name="Threads">Of the CPU that compute.</param>
/// <param name="Debug">Evaluate node by node on the CPU with the reference kernels and stop at the first NaN or infinity.</param>
/// <param name="Precision">Null = what the device usually has: f32 on the CPU, bf16 on a GPU.</param>
public sealed record DeviceChoice(string Name, int Threads, bool Debug, Precision? Precision = null)
{
    public const string Cpu = "cpu";

    /// <summary>The first NVIDIA GPU.</summary>
    public const string Cuda = "cuda";

    /// <summary>All processors of this machine.</summary>
    public static DeviceChoice Default { get; } = new(Cpu, Environment.ProcessorCount, Debug: false);

    /// <summary>Where machine code and choices of algorithms for GPUs are kept from run to run.</summary>
    internal static string CudaCache => Path.Combine(CacheFolder.Path, "cuda");

    /// <summary>What a GPU is told to compute with.</summary>
    internal Baka.Cuda.Precision CudaPrecision => EffectivePrecision switch
    {
        Model.Recipes.Precision.F32 => Baka.Cuda.Precision.Float32,
        Model.Recipes.Precision.Tf32 => Baka.Cuda.Precision.Tf32,
        Model.Recipes.Precision.Bf16Pure => Baka.Cuda.Precision.BFloat16Pure,
        _ => Baka.Cuda.Precision.BFloat16,
    };

    /// <summary>The precision chosen, or else the device's usual one.</summary>
    public Precision EffectivePrecision => Precision ?? (Name == Cuda ? Model.Recipes.Precision.Bf16 : Model.Recipes.Precision.F32);

    /// <summary>As <c>--precision</c> has it.</summary>
    internal string PrecisionName => ChoiceName.Of(EffectivePrecision);

    /// <summary>The precision chosen, or those that a test should cover.</summary>
    public IReadOnlyList<Precision> Precisions => (Precision, Name) switch
    {
        ({ } chosen, _) => [chosen],
        (null, Cuda) => [Model.Recipes.Precision.F32, Model.Recipes.Precision.Bf16],
        _ => [Model.Recipes.Precision.F32],
    };

    /// <summary>The same choice with a recipe's precision, where none is chosen and the device can have it.</summary>
    public DeviceChoice Preferring(Precision? precision) => this with { Precision = Precision ?? (Name == Cuda ? precision : null) };

    /// <exception cref="UserException">There is no such device or precision.</exception>
    /// <exception cref="CudaException">There is no GPU here, or something that it needs is missing.</exception>
    public IDevice Create()
    {
        Check();
        return Name == Cuda ? new CudaDevice(CudaPrecision, CudaCache) : Debug ? new ReferenceDevice(stopAtNonFinite: true) : new CpuDevice(Threads);
    }

    /// <exception cref="UserException">There is no such device or precision.</exception>
    internal void Check()
    {
        if (Threads < 1)
        {
            throw new UserException($"The number of threads is {Threads}, but it must be at least 1.");
        }

        switch (Name)
        {
            case Cpu when Precision is { } other and not Model.Recipes.Precision.F32:
                throw new UserException($"The CPU computes in f32 alone: use --device cuda for the precision {ChoiceName.Of(other)}.");
            case Cuda when Debug:
                throw new UserException("The debugging kernels run on the CPU: use --debug without --device cuda.");
            case Cpu or Cuda:
                break;
            default:
                throw new UserException($"There is no device '{Name}': use 'cpu' or 'cuda'.");
        }
    }
}
