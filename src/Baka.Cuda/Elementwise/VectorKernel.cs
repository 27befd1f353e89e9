using System.Text;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Elementwise;

/// <summary>
/// Writes kernels that compute every element of their outputs from the elements of their inputs at the same place.
/// Inputs are x0, x1, … in memory and a0, a1, … as floats; outputs are y0, y1, …. The text depends neither on names nor
/// on places nor on the outermost extent, so that layers, and tensors that differ in their number of rows, share it.
/// </summary>
internal sealed class VectorKernel
{
    /// <summary>Name of the element's number in row-major order, for statements and results.</summary>
    public const string Place = "place";

    private readonly View[] _inputs;
    private readonly View[] _outputs;
    private readonly VectorWalk _walk;
    private readonly StringBuilder _text = new();
    private bool _usesPlace;

    /// <param name="inputs">What is read; elements are taken as f32 in any case, 32-bit integers as the floats with their bits.</param>
    /// <param name="outputs">What is written. May lie where an input does, element by element: a thread reads all before it writes.</param>
    public VectorKernel(IReadOnlyList<View> inputs, IReadOnlyList<View> outputs)
    {
        _inputs = [.. inputs];
        _outputs = [.. outputs];
        _walk = new VectorWalk(inputs, outputs);
    }

    /// <summary>The kernel as an operation, which can be one with others of its kind.</summary>
    /// <param name="name">Of the kernel.</param>
    /// <param name="functions">Source of the functions that are called.</param>
    /// <param name="statements">What is done for one element.</param>
    /// <param name="results">The value of each output.</param>
    /// <param name="parameters">Of the kernel besides; with any of them statements may use <see cref="Place"/>.</param>
    public BlockLaunch Launch(
        string name, string functions, IReadOnlyList<string> statements, IReadOnlyList<string> results, params IReadOnlyList<(Parameter Parameter, Argument Value)> parameters)
    {
        _usesPlace = parameters.Count > 0;
        WritePlace();
        WriteLoads();
        if (_walk.Width > 1)
        {
            WriteVectorBody(statements, results);
        }
        else
        {
            _text.AppendLines("    ", [.. PlaceOf("vector"), .. statements, .. results.Select((result, k) => $"y{k}[{_walk.Offset(_inputs.Length + k)}] = from_float<{TypeOf(_outputs[k])}>({result});")]);
        }

        Argument count = _walk.IsLong ? new Argument.Long(_walk.Vectors) : new Argument.Int((int)_walk.Vectors);
        Argument[] arguments = [.. _inputs.Concat(_outputs).Select(view => (Argument)view), .. parameters.Select(p => p.Value), count];
        var note = $"Over {_walk.Shape}, a thread for {(_walk.Width > 1 ? $"{_walk.Width} neighbors" : "each element")}.";
        Parameter[] all = [.. Operands(), .. parameters.Select(p => p.Parameter), new Parameter(_walk.IndexType, "vectors")];
        return new BlockLaunch(new BlockKernel(functions, name, VectorWalk.Threads, all, note, _text.ToString()), _walk.Blocks, arguments);
    }

    private static string TypeOf(View view) => Kernel.TypeName(view.Storage.Type == Element.Int32 ? Element.Float32 : view.Storage.Type);

    private IEnumerable<string> PlaceOf(string expression) => _usesPlace ? [$"const u32 {Place} = (u32)({expression});"] : [];

    private IEnumerable<Parameter> Operands() =>
    [
        .. _inputs.Select((view, k) => new Parameter($"const {TypeOf(view)}*", $"x{k}", $"strides {_walk.StridesOf(k)}")),
        .. _outputs.Select((view, k) => new Parameter($"{TypeOf(view)}*", $"y{k}", $"strides {_walk.StridesOf(_inputs.Length + k)}")),
    ];

    private void WritePlace()
    {
        _text.Append($"    const {_walk.IndexType} vector = ({_walk.IndexType})block * {VectorWalk.Threads} + threadIdx.x;\n");
        _text.Append("    if (vector >= vectors)\n        return;\n\n");
        _text.AppendLines("    ", _walk.Coordinates());
    }

    private void WriteLoads() => _text.AppendLines("    ", _inputs.Select((view, k) => _walk.IsVector(k)
        ? $"const Pack<{TypeOf(view)}, {_walk.Width}> p{k} = load_pack<{_walk.Width}>(&x{k}[{_walk.Offset(k)}]);"
        : $"const float a{k} = to_float(x{k}[{_walk.Offset(k)}]);"));

    private void WriteVectorBody(IReadOnlyList<string> statements, IReadOnlyList<string> results)
    {
        _text.AppendLines("    ", results.Select((_, k) => $"float z{k}[{_walk.Width}];"));
        _text.Append($"#pragma unroll\n    for (int e = 0; e < {_walk.Width}; e++)\n    {{\n");
        _text.AppendLines("        ", Enumerable.Range(0, _inputs.Length).Where(_walk.IsVector).Select(k => $"const float a{k} = to_float(p{k}.at[e]);"));
        _text.AppendLines("        ", PlaceOf($"vector * {_walk.Width} + e"));
        _text.AppendLines("        ", statements);
        _text.AppendLines("        ", results.Select((result, k) => $"z{k}[e] = {result};"));
        _text.Append("    }\n\n");
        _text.AppendLines("    ", _outputs.Select((_, k) => $"store_floats(&y{k}[{_walk.Offset(_inputs.Length + k)}], z{k});"));
    }
}
