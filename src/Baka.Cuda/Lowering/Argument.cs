using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>A value for a parameter of a kernel.</summary>
internal abstract record Argument
{
    /// <summary>The address of a view's first element.</summary>
    public static implicit operator Argument(View view) => new Pointer(view);

    public static implicit operator Argument(int value) => new Int(value);

    public static implicit operator Argument(long value) => new Long(value);

    public static implicit operator Argument(float value) => new Float(value);

    public sealed record Pointer(View View) : Argument;

    public sealed record Int(int Value) : Argument;

    public sealed record Long(long Value) : Argument;

    public sealed record Float(float Value) : Argument;

    /// <summary>How a bf16 matrix lies in memory, for copies of boxes of that many rows and 64 columns into shared memory.</summary>
    public sealed record Map(View Matrix, int BoxRows) : Argument;

    /// <summary>Values one after the other, each at a multiple of its size.</summary>
    public sealed record Struct(IReadOnlyList<Argument> Members) : Argument;
}
