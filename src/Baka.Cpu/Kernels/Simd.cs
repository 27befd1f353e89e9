using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The f32 vector operations that kernels are written with. A kernel is generic over the operations and their
/// vector type, so the compiler makes one straight copy of it for each width.
/// </summary>
/// <typeparam name="V">The vector type, a plain <c>VectorN&lt;float&gt;</c>.</typeparam>
internal unsafe interface ISimd<V>
    where V : struct
{
    /// <summary>Floats in one vector.</summary>
    static abstract int Count { get; }

    static abstract V Create(float value);

    static abstract V Load(float* from);

    static abstract void Store(V value, float* to);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Divide(V a, V b);

    /// <summary>a · b + c, fused where the machine can.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    static abstract V Max(V a, V b);

    /// <summary>Lanes of <paramref name="value"/> where a &lt; b, lanes of <paramref name="otherwise"/> elsewhere (NaN included).</summary>
    static abstract V WhereLess(V a, V b, V value, V otherwise);

    /// <summary>2ⁿ in each lane, n being the lowest bits of the lane's pattern as an integer.</summary>
    static abstract V PowerOfTwo(V bits);

    static abstract float Sum(V value);
}

internal readonly unsafe struct Simd512 : ISimd<Vector512<float>>
{
    public static int Count => 16;

    public static Vector512<float> Create(float value) => Vector512.Create(value);

    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    public static void Store(Vector512<float> value, float* to) => value.Store(to);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.MultiplyAddEstimate(a, b, c);

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    public static Vector512<float> WhereLess(Vector512<float> a, Vector512<float> b, Vector512<float> value, Vector512<float> otherwise) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a, b), value, otherwise);

    public static Vector512<float> PowerOfTwo(Vector512<float> bits) =>
        ((bits.AsInt32() << 23) + Vector512.Create(0x3F800000)).AsSingle();

    public static float Sum(Vector512<float> value) => Vector512.Sum(value);
}

internal readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    public static int Count => 8;

    public static Vector256<float> Create(float value) => Vector256.Create(value);

    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    public static void Store(Vector256<float> value, float* to) => value.Store(to);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.MultiplyAddEstimate(a, b, c);

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    public static Vector256<float> WhereLess(Vector256<float> a, Vector256<float> b, Vector256<float> value, Vector256<float> otherwise) =>
        Vector256.ConditionalSelect(Vector256.LessThan(a, b), value, otherwise);

    public static Vector256<float> PowerOfTwo(Vector256<float> bits) =>
        ((bits.AsInt32() << 23) + Vector256.Create(0x3F800000)).AsSingle();

    public static float Sum(Vector256<float> value) => Vector256.Sum(value);
}

internal readonly unsafe struct Simd128 : ISimd<Vector128<float>>
{
    public static int Count => 4;

    public static Vector128<float> Create(float value) => Vector128.Create(value);

    public static Vector128<float> Load(float* from) => Vector128.Load(from);

    public static void Store(Vector128<float> value, float* to) => value.Store(to);

    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;

    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) => a / b;

    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => Vector128.MultiplyAddEstimate(a, b, c);

    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) => Vector128.MaxNative(a, b);

    public static Vector128<float> WhereLess(Vector128<float> a, Vector128<float> b, Vector128<float> value, Vector128<float> otherwise) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a, b), value, otherwise);

    public static Vector128<float> PowerOfTwo(Vector128<float> bits) =>
        ((bits.AsInt32() << 23) + Vector128.Create(0x3F800000)).AsSingle();

    public static float Sum(Vector128<float> value) => Vector128.Sum(value);
}

/// <summary>Loops over contiguous floats that several kernels share. Any length; the tail goes one by one.</summary>
internal static unsafe class Simd<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>
    /// eˣ for x ≤ 0 (a little above is fine), to about one unit in the last place; 0 below −87, where f32 turns subnormal.
    /// NaN stays NaN. The library's vector Exp goes through double precision and takes about four times as long.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp(V x)
    {
        var p = ExpOfRemainder(x, out var exponent);
        return S.WhereLess(x, S.Create(-87f), S.Create(0f), S.Multiply(p, S.PowerOfTwo(exponent)));
    }

    /// <summary>
    /// eʳ for the remainder of x = n ln 2 + r, so that eˣ = eʳ · 2ⁿ; <paramref name="exponent"/> holds n in its lowest bits, for <c>PowerOfTwo</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpOfRemainder(V x, out V exponent)
    {
        // Adding 1.5·2²³ rounds to the integer n and leaves it in the lowest bits.
        var magic = S.Create(12582912f);
        exponent = S.MultiplyAdd(x, S.Create(1.44269504f), magic);
        var n = S.Subtract(exponent, magic);
        var r = S.MultiplyAdd(n, S.Create(-0.693359375f), x);
        r = S.MultiplyAdd(n, S.Create(2.12194440e-4f), r);

        // Coefficients of Cephes' expf for |r| ≤ ln 2 / 2.
        var p = S.Create(1.9875691500e-4f);
        p = S.MultiplyAdd(p, r, S.Create(1.3981999507e-3f));
        p = S.MultiplyAdd(p, r, S.Create(8.3334519073e-3f));
        p = S.MultiplyAdd(p, r, S.Create(4.1665795894e-2f));
        p = S.MultiplyAdd(p, r, S.Create(1.6666665459e-1f));
        p = S.MultiplyAdd(p, r, S.Create(5.0000001201e-1f));
        return S.MultiplyAdd(p, S.Multiply(r, r), S.Add(r, S.Create(1f)));
    }

    /// <summary>Σ a·b.</summary>
    public static float Dot(float* a, float* b, int length)
    {
        var first = S.Create(0);
        var second = S.Create(0);
        var i = 0;
        for (; i <= length - 2 * S.Count; i += 2 * S.Count)
        {
            first = S.MultiplyAdd(S.Load(a + i), S.Load(b + i), first);
            second = S.MultiplyAdd(S.Load(a + i + S.Count), S.Load(b + i + S.Count), second);
        }

        var sum = S.Sum(S.Add(first, second));
        for (; i < length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    /// <summary>Σ x.</summary>
    public static float Sum(float* x, int length)
    {
        var first = S.Create(0);
        var second = S.Create(0);
        var i = 0;
        for (; i <= length - 2 * S.Count; i += 2 * S.Count)
        {
            first = S.Add(first, S.Load(x + i));
            second = S.Add(second, S.Load(x + i + S.Count));
        }

        var sum = S.Sum(S.Add(first, second));
        for (; i < length; i++)
        {
            sum += x[i];
        }

        return sum;
    }

    /// <summary>y += factor · x.</summary>
    public static void AddScaled(float factor, float* x, float* y, int length)
    {
        var f = S.Create(factor);
        var i = 0;
        for (; i <= length - S.Count; i += S.Count)
        {
            S.Store(S.MultiplyAdd(f, S.Load(x + i), S.Load(y + i)), y + i);
        }

        for (; i < length; i++)
        {
            y[i] += factor * x[i];
        }
    }

    /// <summary>x ← factor · x.</summary>
    public static void Scale(float factor, float* x, int length)
    {
        var f = S.Create(factor);
        var i = 0;
        for (; i <= length - S.Count; i += S.Count)
        {
            S.Store(S.Multiply(f, S.Load(x + i)), x + i);
        }

        for (; i < length; i++)
        {
            x[i] *= factor;
        }
    }

    /// <summary>The largest of x; length ≥ 1.</summary>
    public static float Max(float* x, int length)
    {
        var max = x[0];
        var i = 0;
        if (length >= S.Count)
        {
            var lanes = S.Load(x);
            for (i = S.Count; i <= length - S.Count; i += S.Count)
            {
                lanes = S.Max(lanes, S.Load(x + i));
            }

            var all = stackalloc float[S.Count];
            S.Store(lanes, all);
            for (var lane = 0; lane < S.Count; lane++)
            {
                max = MathF.Max(max, all[lane]);
            }
        }

        for (; i < length; i++)
        {
            max = MathF.Max(max, x[i]);
        }

        return max;
    }

    /// <summary>x ← e^(x − shift), where shift ≥ max x; returns the sum.</summary>
    public static float ExpAndSum(float* x, float shift, int length)
    {
        var m = S.Create(shift);
        var total = S.Create(0);
        var i = 0;
        for (; i <= length - S.Count; i += S.Count)
        {
            var e = Exp(S.Subtract(S.Load(x + i), m));
            S.Store(e, x + i);
            total = S.Add(total, e);
        }

        var sum = S.Sum(total);
        for (; i < length; i++)
        {
            x[i] = MathF.Exp(x[i] - shift);
            sum += x[i];
        }

        return sum;
    }
}
