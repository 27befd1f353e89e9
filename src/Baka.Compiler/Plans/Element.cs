using Baka.Graph;

namespace Baka.Compiler.Plans;

/// <summary>How a number lies in memory. Kernels compute in f32 whatever their operands' elements are.</summary>
public enum Element
{
    Float32,
    Int32,

    /// <summary>The upper half of an f32: 8 bits of exponent, 8 of precision.</summary>
    BFloat16,
}

public static class Elements
{
    extension(Element element)
    {
        public int Bytes => element == Element.BFloat16 ? 2 : 4;
    }

    /// <summary>The element that holds every value of a type.</summary>
    public static Element Exact(DType type) => type == DType.Int32 ? Element.Int32 : Element.Float32;
}
