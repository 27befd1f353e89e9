// y = (x - mean) * scale * w for each row of x [ROWS, WIDTH], where scale = 1 / sqrt(mean((x - mean)^2) + EPSILON) and
// the mean is 0 unless CENTERED; statistics [ROWS, 2] = (mean, scale). Where the rows of x are narrow, the columns that they lack are 0,
// and widened [ROWS, WIDTH] becomes x with these.

extern "C" __global__ void __launch_bounds__(THREADS) norm_forward(
    const X_TYPE* __restrict__ x, const W_TYPE* __restrict__ w, Y_TYPE* __restrict__ y, S_TYPE* __restrict__ statistics,
    WIDENED_TYPE* __restrict__ widened)
{
    int row = blockIdx.x * (THREADS / GROUP) + threadIdx.x / GROUP;
    int lane = threadIdx.x % GROUP;
    if (row >= ROWS)
        return;

    x += (i64)row * X_STRIDE;
    y += (i64)row * Y_STRIDE;
    float held[HELD][VECTOR] = {};
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k) && is_used((lane + k * GROUP) * VECTOR))
            load_floats(x + narrow((lane + k * GROUP) * VECTOR), held[k]);

#if USED < HEAD
    widened += (i64)row * WIDENED_STRIDE;
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (EXISTS(k))
            store_floats(widened + (lane + k * GROUP) * VECTOR, held[k]);
#endif

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
