// Functions of elementwise programs. The fast versions that the compiler would take (errors that grow with x, or that
// are absolute) are not enough for f32: these stay within a few units in the last place. NaN stays NaN.

// e^x = 2^(x log2 e), and what the product was rounded by is put back. 0 below -87.3, infinity above 88.7.
__device__ __forceinline__ float exponential(float x)
{
    const float power = x * 1.44269504f;
    const float lost = fmaf(x, 1.44269504f, -power) + x * 1.92596303e-8f;
    const float y = exp2_fast(power);
    return fabsf(power) < 128.0f ? fmaf(y, lost * 0.693147181f, y) : y;
}

// ln x = k ln 2 + ln(1 + f) with x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt 2, and with s = f / (2 + f)
// ln(1 + f) = 2 (s + s^3/3 + s^5/5 + ...) where 2 s = f - s f.
__device__ __forceinline__ float logarithm(float x)
{
    const int bits = __float_as_int(x);
    const int k = (int)((u32)bits - 0x3f3504f3u) >> 23;
    const float f = __int_as_float((int)((u32)bits - (u32)k * 0x800000u)) - 1.0f;
    const float s = f / (2.0f + f);
    const float square = s * s;
    float series = fmaf(square, 1.0f / 9, 1.0f / 7);
    series = fmaf(series, square, 1.0f / 5);
    series = fmaf(series, square, 1.0f / 3);
    const float y = fmaf((float)k, 0.693147181f, f + s * fmaf(2.0f * square, series, -f));

    // 0, negative numbers, infinity and NaN are what the fast logarithm makes of them.
    return x > 0.0f && x < INFINITY_F ? y : __logf(x);
}

// An odd polynomial near 0 (Cephes), 1 - 2 / (e^2x + 1) beyond.
__device__ __forceinline__ float hyperbolic_tangent(float x)
{
    const float square = x * x;
    float p = fmaf(square, -5.70498872745e-3f, 2.06390887954e-2f);
    p = fmaf(p, square, -5.37397155531e-2f);
    p = fmaf(p, square, 1.33314422036e-1f);
    p = fmaf(p, square, -3.33332819422e-1f);
    const float near = fmaf(p * square, x, x);
    return square < 0.390625f ? near : 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
}

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

// NaN where either is NaN, unlike fmaxf.
__device__ __forceinline__ float maximum(float x, float y) { return x > y || x != x ? x : y; }

// max(x, 0) + ln(1 + e) with e = e^-|x|, and ln(1 + e) = 2 (s + s^3/3 + s^5/5 + ...) with s = e / (2 + e) <= 1/3.
__device__ __forceinline__ float softplus(float x)
{
    const float e = exponential(-fabsf(x));
    const float s = e / (2.0f + e);
    const float square = s * s;
    float series = fmaf(square, 1.0f / 13, 1.0f / 11);
    series = fmaf(series, square, 1.0f / 9);
    series = fmaf(series, square, 1.0f / 7);
    series = fmaf(series, square, 1.0f / 5);
    series = fmaf(series, square, 1.0f / 3);
    return maximum(x, 0.0f) + 2.0f * fmaf(series * square, s, s);
}

__device__ __forceinline__ float sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f; }

// By the bits: no assumption about arithmetic can remove it.
__device__ __forceinline__ float is_finite(float x) { return (__float_as_int(x) & 0x7f800000) != 0x7f800000 ? 1.0f : 0.0f; }

