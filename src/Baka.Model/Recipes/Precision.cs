namespace Baka.Model.Recipes;

/// <summary>What a device computes with.</summary>
public enum Precision
{
    /// <summary>Activations and operands of products are bf16; sums, statistics, parameters and moments f32.</summary>
    Bf16,

    /// <summary>As <see cref="Bf16"/>, but parameters and their moments are bf16 too, with stochastic rounding: a third of their memory.</summary>
    Bf16Pure,

    /// <summary>f32 throughout.</summary>
    F32,

    /// <summary>As <see cref="F32"/>, but products round their operands to 10 bits for the GPU's tensor cores.</summary>
    Tf32,
}
