// The gradient of a norm: with n = (x - mean) * scale and g = dy * w,
// dx = scale * (g - mean(g) - n * mean(g * n)), where mean(g) counts only if CENTERED, and dw = sum over rows of dy * n. Where
// ADDS, dx is added to past, whose place it may take.
//
// Each block goes through a stretch of the ROWS rows of x, dy and past [ROWS, WIDTH] and of dx, whose rows may be narrow, and, if
// OF_WEIGHT, writes its share of dw to a row of partial [gridDim.x, WIDTH].

#define GROUPS (THREADS / GROUP)

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) norm_backward(
    const X_TYPE* __restrict__ x, const W_TYPE* __restrict__ w, const S_TYPE* __restrict__ statistics, const DY_TYPE* __restrict__ dy,
    const PAST_TYPE* past, DX_TYPE* dx, float* __restrict__ partial)
{
    int group = threadIdx.x / GROUP;
    int lane = threadIdx.x % GROUP;
    float dw[HELD][VECTOR] = {};

    int end = (i64)ROWS * (blockIdx.x + 1) / gridDim.x;
    for (int row = (i64)ROWS * blockIdx.x / gridDim.x + group; row < end; row += GROUPS)
    {
        // Kept as they lie in memory, which takes half the registers where they are bf16. All are on their way at once.
        Pack<X_TYPE, VECTOR> xs[HELD];
        Pack<DY_TYPE, VECTOR> dys[HELD];
        Pack<PAST_TYPE, VECTOR> pasts[HELD];
#pragma unroll
        for (int k = 0; k < HELD; k++)
            if (EXISTS(k))
            {
                int column = (lane + k * GROUP) * VECTOR;
                xs[k] = load_pack<VECTOR>(x + (i64)row * X_STRIDE + column);
                dys[k] = load_pack<VECTOR>(dy + (i64)row * DY_STRIDE + column);
#if ADDS
                pasts[k] = load_pack<VECTOR>(past + (i64)row * PAST_STRIDE + column);
#endif
            }

        // Read, and places in narrow rows computed, anew for every row: registers are scarcer than loads from the nearest cache.
        const W_TYPE* weights = w;
        asm volatile("" : "+l"(weights), "+r"(lane));

        float mean = CENTERED ? to_float(statistics[(i64)row * S_STRIDE]) : 0;
        float scale = to_float(statistics[(i64)row * S_STRIDE + 1]);
        float g_mean = 0;
        float gn_mean = 0;
#pragma unroll
        for (int k = 0; k < HELD; k++)
            if (EXISTS(k))
            {
                float weight[VECTOR];
                load_floats(weights + (lane + k * GROUP) * VECTOR, weight);
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                {
                    float n = (to_float(xs[k].at[i]) - mean) * scale;
                    float upstream = to_float(dys[k].at[i]);
                    float g = upstream * weight[i];
                    dw[k][i] += upstream * n;
                    g_mean += g;
                    gn_mean += g * n;
                }
            }
        gn_mean = group_sum<GROUP>(gn_mean) * (1.0f / WIDTH);
        g_mean = CENTERED ? group_sum<GROUP>(g_mean) * (1.0f / WIDTH) : 0;

#pragma unroll
        for (int k = 0; k < HELD; k++)
            if (EXISTS(k) && is_used((lane + k * GROUP) * VECTOR))
            {
                float weight[VECTOR], result[VECTOR];
                load_floats(weights + (lane + k * GROUP) * VECTOR, weight);
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                {
                    float n = (to_float(xs[k].at[i]) - mean) * scale;
                    result[i] = scale * (to_float(dys[k].at[i]) * weight[i] - g_mean - n * gn_mean);
#if ADDS
                    result[i] += to_float(pasts[k].at[i]);
#endif
                }
                store_floats(dx + (i64)row * DX_STRIDE + narrow((lane + k * GROUP) * VECTOR), result);
            }
    }

#if OF_WEIGHT
    partial += (i64)blockIdx.x * WIDTH;
#if GROUPS > 1
    // The groups add one after the other, so the order is always the same.
    __shared__ Pack<float, VECTOR> sums[VECTORS];
    for (int turn = 0; turn < GROUPS; turn++)
    {
        if (turn == group)
        {
#pragma unroll
            for (int k = 0; k < HELD; k++)
                if (EXISTS(k))
#pragma unroll
                    for (int i = 0; i < VECTOR; i++)
                        sums[lane + k * GROUP].at[i] = turn == 0 ? dw[k][i] : sums[lane + k * GROUP].at[i] + dw[k][i];
        }
        __syncthreads();
    }
    for (int v = threadIdx.x; v < VECTORS; v += THREADS)
        store_pack(partial + v * VECTOR, sums[v]);
#else
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
            store_floats(partial + (lane + k * GROUP) * VECTOR, dw[k]);
#endif
#endif
}
