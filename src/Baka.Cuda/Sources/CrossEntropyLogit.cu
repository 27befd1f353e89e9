// What kernels of linear + cross-entropy share: x [., DEPTH] and w [WIDTH, DEPTH] are bfloat16, rows X_STRIDE and W_STRIDE apart.

// x[row] . w[entry], the same in every lane of a warp that makes it.
__device__ __forceinline__ float logit(const bf16* x, const bf16* w, int row, int entry)
{
    x += (i64)row * X_STRIDE;
    w += (i64)entry * W_STRIDE;
    float sum = 0;
    for (int i = threadIdx.x % 32 * VECTOR; i < DEPTH; i += 32 * VECTOR)
    {
        float left[VECTOR], right[VECTOR];
        load_floats(x + i, left);
        load_floats(w + i, right);
#pragma unroll
        for (int k = 0; k < VECTOR; k++)
            sum += left[k] * right[k];
    }
    return warp_sum(sum);
}
