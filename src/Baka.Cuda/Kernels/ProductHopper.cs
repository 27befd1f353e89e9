using System.Text;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Products A·Bᵀ [m, n] of bf16 matrices by <c>ProductHopper.cu</c>, and the text of what it does with their elements and
/// with those of other values at the same places: products, inputs and then those of rows are a0, a1, …; <c>row</c> is the
/// row and <c>column + e</c> the column.
/// </summary>
/// <param name="a">[m, k].</param>
/// <param name="b">[n, k] each, one or two.</param>
internal sealed class ProductHopper(View a, IReadOnlyList<View> b)
{
    private const int TileRows = 128;
    private const int TileColumns = 256;
    private const int BoxColumns = 64;
    private const int Vector = 8;

    // Tiles of A and B on their way.
    private const int Places = 3;

    // Two warpgroups multiply and a warp loads; more warps than this would leave too few registers for sums.
    private const int FinishingWarps = 3;
    private const int Threads = 2 * 128 + FinishingWarps * 32 + 32;

    // Vectors of inputs on their way to a finishing thread.
    private const int Slots = 12;

    // Places, the products of a tile, barriers, slots.
    private const int SharedBytes =
        Places * (TileRows + TileColumns) * BoxColumns * 2 + TileRows * TileColumns * 2 + (2 * Places + 4) * 8 + Slots * FinishingWarps * 32 * Vector * 2;

    public IReadOnlyList<View> Inputs { get; init; } = [];

    public IReadOnlyList<View> Outputs { get; init; } = [];

    /// <summary>Numbers of rows, [m] each; 32-bit integers are taken as the floats with their bits.</summary>
    public IReadOnlyList<View> RowInputs { get; init; } = [];

    /// <summary>f32 [m, <see cref="TilesAcross"/>]: where to put sums of one more result over the columns of each tile; null = nothing is summed.</summary>
    public View? Sums { get; init; }

    /// <summary>How many rows of A make one of the product: itself and those before it, the newest last.</summary>
    public int Steps { get; init; } = 1;

    private int Rows => a.Shape[0];

    private int Columns => b[0].Shape[0];

    private bool IsTurned => b[0].Strides[1] != 1;

    /// <summary>Tiles beside one another in a product of so many columns.</summary>
    public static int TilesAcross(int columns, int parts = 1) => Blocks.Count(columns, TileColumns / parts);

    /// <summary>Whether operands lie as the kernel needs them.</summary>
    public bool Fits(DeviceProfile device) =>
        device.IsHopper && device.SharedBytesPerBlock >= SharedBytes && b.Count is 1 or 2 && Columns % Vector == 0
        && IsBoxed(a) && b.All(view => IsBoxed(IsTurned ? view.Permute([1, 0]) : view)) && (Steps == 1 || a.Shape[1] % BoxColumns == 0)
        && (Sums is null || b.Count == 1) && Inputs.Count <= Slots / 2 && Inputs.All(view => Matrix(view) is { } matrix && IsCopyable(matrix)) && Outputs.All(view => Matrix(view) is { } matrix && IsInVectors(matrix));

    /// <param name="statements">What is done for an element.</param>
    /// <param name="results">The value of each output, and then what is summed.</param>
    public Launch Launch(IReadOnlyList<string> statements, IReadOnlyList<string> results, LoweringContext context)
    {
        var text = Kernel.FromFile(
            "Hopper.cuh", "product_hopper",
            ("ROWS", Rows), ("COLUMNS", Columns), ("DEPTH", Steps * a.Shape[1]), ("PARTS", b.Count), ("B_TURNED", IsTurned), ("A_WIDTH", a.Shape[1]), ("A_SHIFT", 1 - Steps),
            ("PLACES", Places), ("FINISHERS", FinishingWarps), ("SLOTS", Slots),
            ("INPUTS", Inputs.Count), ("X_STRIDES", $"{{{string.Join(", ", Inputs.Select(view => Matrix(view)!.Strides[0]))}}}"), ("ROW_INPUTS", RowInputs.Count), ("SUMMED", Sums is not null));
        var kernel = text with { Source = text.Source + SourceFiles.Read("ElementwiseFunctions.cuh") + Program(statements, results) + SourceFiles.Read("ProductHopper.cu") };
        Argument[] maps = [new Argument.Map(a, TileRows), .. b.Select(view => IsTurned ? new Argument.Map(view.Permute([1, 0]), BoxColumns) : new Argument.Map(view, TileRows))];
        Argument operands = new Argument.Struct([.. maps, .. Inputs.Concat(Outputs).Concat(RowInputs).Concat(Sums is null ? [] : [Sums]).Select(view => (Argument)view)]);
        var tiles = Blocks.Count(Rows, 2 * TileRows) * TilesAcross(Columns, b.Count);
        return new Launch(kernel, new Grid(2 * Math.Min(tiles, context.Device.Multiprocessors / 2)), Threads, SharedBytes, [operands]);
    }

    private View? Matrix(View view) => view.Reshape(new Shape(Rows, Columns));

    private static bool IsInVectors(View matrix) => matrix.Strides[1] == 1 && matrix.Offset % Vector == 0 && matrix.Strides[0] % Vector == 0;

    private static bool IsBoxed(View matrix) => IsCopyable(matrix) && matrix.Strides[0] >= matrix.Shape[1];

    private static bool IsCopyable(View matrix) => matrix.Storage.Type == Element.BFloat16 && IsInVectors(matrix);

    private string Program(IReadOnlyList<string> statements, IReadOnlyList<string> results)
    {
        var text = new StringBuilder();
        View[] outputs = [.. Outputs.Select(view => Matrix(view)!)];
        text.Append("struct Results\n{\n");
        text.AppendLines("    ", outputs.Select((view, i) => $"{Kernel.TypeName(view.Storage.Type)}* y{i};"));
        text.Append("};\n\n__device__ __forceinline__ float finish(\n");
        text.Append($"    const Results& to, const Pack<bf16, {Vector}>* inputs, const Pack<bf16, {Vector}>* products, const float* own, int row, int column, bool valid)\n{{\n");
        text.Append("    float sum = 0;\n");
        text.AppendLines("    ", outputs.Select((_, i) => $"float z{i}[{Vector}];"));
        text.Append($"#pragma unroll\n    for (int e = 0; e < {Vector}; e++)\n    {{\n");
        text.AppendLines("        ", b.Select((_, i) => $"const float a{i} = to_float(products[{i}].at[e]);"));
        text.AppendLines("        ", Inputs.Select((_, i) => $"const float a{b.Count + i} = to_float(inputs[{i}].at[e]);"));
        text.AppendLines("        ", RowInputs.Select((_, i) => $"const float a{b.Count + Inputs.Count + i} = own[{i}];"));
        text.AppendLines("        ", statements);
        text.AppendLines("        ", results.Select((result, i) => i < outputs.Length ? $"z{i}[e] = {result};" : $"sum += {result};"));
        text.Append("    }\n    if (valid)\n    {\n");
        text.AppendLines("        ", outputs.Select((view, i) => $"store_floats(to.y{i} + (i64)row * {view.Strides[0]} + column, z{i});"));
        text.Append("    }\n    return valid ? sum : 0;\n}\n");
        return text.ToString();
    }
}
