using System.Runtime.CompilerServices;
using Baka.Cpu.Kernels;

namespace Baka.Cpu.Elementwise;

/// <summary>
/// Functions that fused elementwise kernels call and that the vector types do not bring along, each accurate to a few
/// units in the last place of f32.
/// </summary>
internal static class VectorFunctions<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>eˣ over the whole range: 0 below −87, ∞ above 88.72, NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp(V x)
    {
        var p = Simd<S, V>.ExpOfRemainder(x, out var exponent);

        // 2ⁿ as 2 · 2ⁿ⁻¹: 2¹²⁸ alone is not finite, though times p < 1 it may be.
        var y = S.Multiply(S.Multiply(p, S.Create(2f)), S.PowerOfTwo(S.Subtract(exponent, S.Create(1f))));
        y = S.WhereLess(x, S.Create(-87f), S.Create(0f), y);
        return S.WhereLess(S.Create(88.722839f), x, S.Create(float.PositiveInfinity), y);
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V x)
    {
        var one = S.Create(1f);
        return S.Divide(one, S.Add(one, Exp(S.Subtract(S.Create(0f), x))));
    }

    /// <summary>max(x, 0) + log(1 + e) with e = e⁻|ˣ|, where log(1 + e) = 2 (s + s³/3 + s⁵/5 + …) with s = e / (2 + e) ≤ 1/3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus(V x)
    {
        var zero = S.Create(0f);
        var e = Exp(S.WhereLess(x, zero, x, S.Subtract(zero, x)));
        var s = S.Divide(e, S.Add(S.Create(2f), e));
        var square = S.Multiply(s, s);
        var p = S.MultiplyAdd(square, S.Create(1f / 13), S.Create(1f / 11));
        p = S.MultiplyAdd(p, square, S.Create(1f / 9));
        p = S.MultiplyAdd(p, square, S.Create(1f / 7));
        p = S.MultiplyAdd(p, square, S.Create(1f / 5));
        p = S.MultiplyAdd(p, square, S.Create(1f / 3));
        var half = S.MultiplyAdd(S.Multiply(p, square), s, s);
        return S.MultiplyAdd(S.Create(2f), half, S.WhereLess(zero, x, x, zero));
    }

    /// <summary>tanh x: an odd polynomial near 0 (Cephes), 1 − 2 / (e²ˣ + 1) beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V x)
    {
        var square = S.Multiply(x, x);
        var p = S.Create(-5.70498872745e-3f);
        p = S.MultiplyAdd(p, square, S.Create(2.06390887954e-2f));
        p = S.MultiplyAdd(p, square, S.Create(-5.37397155531e-2f));
        p = S.MultiplyAdd(p, square, S.Create(1.33314422036e-1f));
        p = S.MultiplyAdd(p, square, S.Create(-3.33332819422e-1f));
        var near = S.MultiplyAdd(S.Multiply(p, square), x, x);
        var one = S.Create(1f);
        var two = S.Create(2f);
        var far = S.Subtract(one, S.Divide(two, S.Add(Exp(S.Multiply(two, x)), one)));
        return S.WhereLess(square, S.Create(0.390625f), near, far);
    }

    /// <summary>erf x: its Taylor series for |x| &lt; 1, Abramowitz and Stegun 7.1.26 beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf(V x)
    {
        var square = S.Multiply(x, x);
        var p = S.Create(-1.6365845e-7f);
        p = S.MultiplyAdd(p, square, S.Create(1.6462114e-6f));
        p = S.MultiplyAdd(p, square, S.Create(-1.4925650e-5f));
        p = S.MultiplyAdd(p, square, S.Create(1.2055332e-4f));
        p = S.MultiplyAdd(p, square, S.Create(-8.5483270e-4f));
        p = S.MultiplyAdd(p, square, S.Create(5.2239776e-3f));
        p = S.MultiplyAdd(p, square, S.Create(-2.6866171e-2f));
        p = S.MultiplyAdd(p, square, S.Create(1.1283792e-1f));
        p = S.MultiplyAdd(p, square, S.Create(-3.7612639e-1f));
        p = S.MultiplyAdd(p, square, S.Create(1.1283792f));
        var near = S.Multiply(p, x);

        var one = S.Create(1f);
        var sign = Sign(x);
        var t = S.Divide(one, S.MultiplyAdd(S.Create(0.3275911f), S.Multiply(sign, x), one));
        var q = S.Create(1.061405429f);
        q = S.MultiplyAdd(q, t, S.Create(-1.453152027f));
        q = S.MultiplyAdd(q, t, S.Create(1.421413741f));
        q = S.MultiplyAdd(q, t, S.Create(-0.284496736f));
        q = S.MultiplyAdd(q, t, S.Create(0.254829592f));
        var tail = S.Multiply(S.Multiply(q, t), Exp(S.Subtract(S.Create(0f), square)));
        var far = S.Multiply(sign, S.Subtract(one, tail));
        return S.WhereLess(square, one, near, far);
    }

    /// <summary>−1, 0 or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sign(V x)
    {
        var zero = S.Create(0f);
        return S.WhereLess(zero, x, S.Create(1f), S.WhereLess(x, zero, S.Create(-1f), zero));
    }

    /// <summary>1 where x &lt; y, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Less(V x, V y) => S.WhereLess(x, y, S.Create(1f), S.Create(0f));

    /// <summary>1 where x is neither infinite nor NaN, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V IsFinite(V x) => Less(S.Max(x, S.Subtract(S.Create(0f), x)), S.Create(float.PositiveInfinity));
}
