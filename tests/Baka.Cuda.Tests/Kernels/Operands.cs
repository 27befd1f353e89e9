using System.Text.RegularExpressions;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;

namespace Baka.Cuda.Tests.Kernels;

/// <summary>Views to lower steps with, and a look at what came out.</summary>
internal static partial class Operands
{
    public static LoweringContext Context() => new(DeviceProfile.H100);

    public static View Dense(Element element, params int[] extents)
    {
        var shape = new Shape(extents);
        return new View(new Storage(StorageKind.Arena, "operand", element, shape.Count), shape);
    }

    /// <summary>Columns of a wider matrix: [rows, width] from a column on.</summary>
    public static View Columns(Element element, int rows, int wholeWidth, int start, int width) =>
        Dense(element, rows, wholeWidth).Slice(1, start, width);

    public static Step Step(Op op, View[] inputs, params View[] outputs) => new(op, "module", inputs, outputs);

    /// <summary>The value of a name that is defined in front of a kernel.</summary>
    public static string Define(this Operation launch, string name) =>
        Defines().Matches(((Launch)launch).Kernel.Source).Single(m => m.Groups[1].Value == name).Groups[2].Value;

    [GeneratedRegex(@"\G#define (\S+) (.*)\n")]
    private static partial Regex Defines();
}
