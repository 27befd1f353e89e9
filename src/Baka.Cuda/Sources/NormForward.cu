// y = (x - mean) * scale * w for each row of x [ROWS, WIDTH], where scale = 1 / sqrt(mean((x - mean)^2) + EPSILON) and
// the mean is 0 unless CENTERED; statistics [ROWS, 2] = (mean, scale).
//
// GROUP threads, a warp or the block, hold a row: thread i has the vectors i, i + GROUP, ...

#define VECTORS (WIDTH / VECTOR)
#define HELD ((VECTORS + GROUP - 1) / GROUP)
#define EXISTS(k) (((k) + 1) * GROUP <= VECTORS || lane + (k) * GROUP < VECTORS)

extern "C" __global__ void __launch_bounds__(THREADS) norm_forward(
    const X_TYPE* __restrict__ x, const W_TYPE* __restrict__ w, Y_TYPE* __restrict__ y, S_TYPE* __restrict__ statistics)
{
    int row = blockIdx.x * (THREADS / GROUP) + threadIdx.x / GROUP;
    int lane = threadIdx.x % GROUP;
    if (row >= ROWS)
        return;

    x += (i64)row * X_STRIDE;
    y += (i64)row * Y_STRIDE;
    float held[HELD][VECTOR];
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
            load_floats(x + (lane + k * GROUP) * VECTOR, held[k]);

    float mean = 0;
#if CENTERED
    float sum = 0;
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
                sum += held[k][i];
    mean = group_sum<GROUP>(sum) * (1.0f / WIDTH);
#endif

    float squares = 0;
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
            {
                held[k][i] -= mean;
                squares += held[k][i] * held[k][i];
            }
    float scale = rsqrtf(group_sum<GROUP>(squares) * (1.0f / WIDTH) + EPSILON);

#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
        {
            float weight[VECTOR];
            load_floats(w + (lane + k * GROUP) * VECTOR, weight);
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
                held[k][i] *= scale * weight[i];
            store_floats(y + (lane + k * GROUP) * VECTOR, held[k]);
        }

    if (lane == 0)
    {
        statistics[2 * (i64)row] = from_float<S_TYPE>(mean);
        statistics[2 * (i64)row + 1] = from_float<S_TYPE>(scale);
    }
}
