// Sums along rows of x [ROWS, WIDTH], each row cut into PARTS parts of LENGTH elements (the last may be shorter):
// y [ROWS, PARTS]. GROUP threads, one, a warp or the block, sum a part.

extern "C" __global__ void __launch_bounds__(THREADS) sum_rows(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    u32 item = blockIdx.x * (THREADS / GROUP) + threadIdx.x / GROUP;
    if (item >= (u32)ROWS * PARTS)
        return;

    int lane = threadIdx.x % GROUP;
    int begin = item % PARTS * LENGTH;
    int end = min(begin + LENGTH, WIDTH);
    x += (i64)(item / PARTS) * WIDTH;
    float sum = 0;
#pragma unroll 8
    for (int i = begin + lane * VECTOR; i < end; i += GROUP * VECTOR)
    {
        float values[VECTOR];
        load_floats(x + i, values);
#pragma unroll
        for (int k = 0; k < VECTOR; k++)
            sum += values[k];
    }

#if GROUP > 1
    sum = group_sum<GROUP>(sum);
#endif
    if (lane == 0)
        y[item] = from_float<Y_TYPE>(sum);
}
