using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Recipes;

namespace Baka.Verification;

/// <summary>How far from the exact value a kernel's result may lie, as a share of it.</summary>
internal static class Rounding
{
    // Half the distance of neighboring numbers with 8, 11 and 24 significant bits, at its largest.
    private const double BFloat16 = 1.0 / (1 << 8);
    private const double Tf32 = 1.0 / (1 << 11);
    private const double Float32 = 1.0 / (1 << 24);

    /// <summary>Of functions that GPUs approximate to two or three of the last bits.</summary>
    private const double Approximations = 4;

    /// <summary>Of a value kept with full precision, for sums of so many terms in any order, as a tree.</summary>
    public static double Wide(long terms) => Float32 * (Approximations + Math.Log2(Math.Max(1, terms)));

    /// <summary>Of an op's result.</summary>
    public static double Of(Precision precision, Node node)
    {
        var wide = Wide(node.Inputs.Select(i => i.Shape.Count).DefaultIfEmpty(1).Max());
        return precision switch
        {
            Precision.Bf16 => BFloat16,
            Precision.Tf32 when node.Op is MatMul or BatchMatMul or StepLinear or StepLinearBackward or LinearCrossEntropy or LinearCrossEntropyGradient => Tf32,
            _ => wide,
        };
    }

    /// <summary>Of what a device keeps of activations.</summary>
    public static double OfStorage(Precision precision, long count) => precision == Precision.Bf16 ? BFloat16 : Wide(count);
}
