using System.Numerics;
using System.Text;

namespace Baka.Cuda.Lowering;

/// <summary>A parameter of a kernel.</summary>
/// <param name="Note">Follows it as a comment; may be empty.</param>
internal readonly record struct Parameter(string Type, string Name, string Note = "");

/// <summary>
/// A function in CUDA C++ that is told the number of its block, <c>u32 block</c>. It is a kernel by itself, and so are
/// several calls of it with arguments from a table.
/// </summary>
/// <param name="Functions">Source of the functions that it calls.</param>
/// <param name="Threads">Of a block.</param>
/// <param name="Note">Stands before the function as a comment.</param>
/// <param name="Body">Statements.</param>
internal sealed record BlockKernel(string Functions, string Name, int Threads, IReadOnlyList<Parameter> Parameters, string Note, string Body)
{
    /// <summary>Bytes of an argument in a table, whatever it is.</summary>
    public const int SlotBytes = 8;

    /// <summary>A launch for one call.</summary>
    public Kernel Alone()
    {
        var text = Begin([], Parameters);
        text.Append("    const u32 block = blockIdx.x;\n").Append(Body).Append("}\n");
        return new Kernel(Functions + text, Name);
    }

    /// <summary>A launch for several calls, whose blocks follow each other.</summary>
    /// <param name="calls">Their number: rows of the table, the first parameter. A row begins with the number of the call's first block.</param>
    /// <param name="varying">The parameters that the table holds, in its order; the others are the same in all calls.</param>
    public Kernel Table(int calls, IReadOnlyCollection<int> varying)
    {
        Parameter[] inTable = [.. varying.Select(i => Parameters[i])];
        var text = new StringBuilder("struct Calls\n{\n    struct\n    {\n        alignas(8) u32 first;\n");
        foreach (var (type, name, _) in inTable)
        {
            text.Append($"        alignas({SlotBytes}) {type} {name};\n");
        }

        text.Append($"    }} at[{calls}];\n}};\n\n");
        text.Append(Begin([new Parameter("const __grid_constant__ Calls", "calls")], [.. Parameters.Except(inTable)]));
        text.Append("    // The last call that begins with this block or one before it.\n    u32 call = 0;\n#pragma unroll\n");
        text.Append($"    for (u32 step = {1u << BitOperations.Log2((uint)calls - 1)}; step > 0; step /= 2)\n");
        text.Append($"        if (call + step < {calls} && calls.at[call + step].first <= blockIdx.x)\n            call += step;\n\n");
        foreach (var (type, name, _) in inTable)
        {
            text.Append($"    {type} {name} = calls.at[call].{name};\n");
        }

        text.Append("    const u32 block = blockIdx.x - calls.at[call].first;\n").Append(Body).Append("}\n");
        return new Kernel(Functions + text, Name);
    }

    public bool Equals(BlockKernel? other) =>
        other is not null && (Functions, Name, Threads, Note, Body) == (other.Functions, other.Name, other.Threads, other.Note, other.Body) && Parameters.SequenceEqual(other.Parameters);

    public override int GetHashCode() => HashCode.Combine(Name, Body);

    private StringBuilder Begin(IReadOnlyList<Parameter> first, IReadOnlyList<Parameter> rest)
    {
        var text = new StringBuilder($"// {Note}\nextern \"C\" __global__ void __launch_bounds__({Threads}) {Name}(\n");
        Parameter[] all = [.. first, .. rest];
        for (var i = 0; i < all.Length; i++)
        {
            var (type, name, note) = all[i];
            text.Append($"    {type} {name}{(i < all.Length - 1 ? "," : ")")}{(note.Length == 0 ? "" : $" // {note}")}\n");
        }

        return text.Append("{\n");
    }
}

/// <summary>Runs a <see cref="BlockKernel"/> on so many blocks.</summary>
internal sealed record BlockLaunch(BlockKernel Function, int Blocks, IReadOnlyList<Argument> Arguments)
    : Launch(Function.Alone(), new Grid(Blocks), Function.Threads, 0, Arguments);
