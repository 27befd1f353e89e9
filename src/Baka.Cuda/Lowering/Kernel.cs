using System.Globalization;
using System.Text;
using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>
/// A function in CUDA C++. Kernels with the same text are the same kernel, however many layers use it; each text is
/// compiled by itself.
/// </summary>
/// <param name="Source">What follows after <c>Primitives.cuh</c>.</param>
/// <param name="Name">The <c>extern "C" __global__</c> function to launch.</param>
internal sealed record Kernel(string Source, string Name)
{
    /// <summary>The type of an element in CUDA C++.</summary>
    public static string TypeName(Element element) => element switch
    {
        Element.Float32 => "float",
        Element.BFloat16 => "bf16",
        Element.Int32 => "int",
        _ => throw new ArgumentOutOfRangeException(nameof(element)),
    };

    /// <summary>A kernel from an embedded file, with names it leaves open defined in front of it.</summary>
    /// <param name="file">Such as <c>Norm.cu</c>.</param>
    /// <param name="defines">Numbers, element types and other text by name.</param>
    public static Kernel FromFile(string file, string name, params ReadOnlySpan<(string Name, object Value)> defines) =>
        FromFiles(name, defines.ToArray(), file);

    /// <summary>The same from files one after the other, the last of which holds the function.</summary>
    public static Kernel FromFiles(string name, IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files) =>
        new(TextOf(defines, files), name);

    /// <summary>Files one after the other behind the definitions of names that they leave open.</summary>
    public static string TextOf(IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files)
    {
        var source = new StringBuilder();
        foreach (var (define, value) in defines)
        {
            source.Append("#define ").Append(define).Append(' ').Append(Text(value)).Append('\n');
        }

        return source.AppendJoin("", files.Select(SourceFiles.Read)).ToString();
    }

    private static string Text(object value) => value switch
    {
        Element element => TypeName(element),
        bool flag => flag ? "1" : "0",
        float number => Literal(number),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>Exactly this number, as CUDA C++ writes it.</summary>
    public static string Literal(float value) => $"__int_as_float(0x{BitConverter.SingleToInt32Bits(value):x8})";
}
