using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Matrix products, or batches of them, go to cuBLASLt as they are, but both factors must have one element.</summary>
internal static class ProductLowering
{
    /// <param name="addend">What the product is added to; null = nothing.</param>
    public static IReadOnlyList<Operation> Lower(View a, bool transposeA, View b, bool transposeB, View? addend, View d, LoweringContext context)
    {
        var operations = new List<Operation>();
        var element = a.Storage.Type == Element.BFloat16 || b.Storage.Type == Element.BFloat16 ? Element.BFloat16 : Element.Float32;
        var (left, right) = (Converted(a, element, context, operations), Converted(b, element, context, operations));

        // f32 factors cannot give a bf16 result.
        var target = element == Element.Float32 && d.Storage.Type != Element.Float32 ? context.Scratch(element, d.Shape.Extents) : d;
        if (addend is not null && !(target == d && addend.LiesAs(d)))
        {
            operations.AddRange(CopyLowering.Into(target, addend, context));
            addend = target;
        }

        operations.Add(new Product(left, transposeA, right, transposeB, target, addend));
        if (target != d)
        {
            operations.AddRange(CopyLowering.Lower(target, d, context));
        }

        return operations;
    }

    private static View Converted(View view, Element element, LoweringContext context, List<Operation> operations)
    {
        var (converted, conversion) = ConversionLowering.To(view, element, context);
        operations.AddRange(conversion);
        return converted;
    }
}
