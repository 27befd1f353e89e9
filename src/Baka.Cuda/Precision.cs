namespace Baka.Cuda;

/// <summary>What a GPU computes with.</summary>
public enum Precision
{
    /// <summary>Activations and operands of products are bf16; sums, statistics, parameters and moments f32.</summary>
    BFloat16,

    /// <summary>
    /// As <see cref="BFloat16"/>, but parameters and moments are bf16 too: a third of their memory. New values are rounded
    /// up or down by chance, so that small steps are not lost.
    /// </summary>
    BFloat16Pure,

    /// <summary>f32 throughout.</summary>
    Float32,

    /// <summary>As <see cref="Float32"/>, but products round their operands to 10 bits of precision for the tensor cores.</summary>
    Tf32,
}
