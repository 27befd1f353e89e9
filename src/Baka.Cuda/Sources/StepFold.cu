// dx [groups, HISTORY + POSITIONS, WIDTH] of a step layer from the gradient of its unfolded input, x [groups, REACHED, STEPS * WIDTH]:
// the reached positions are FIRST, FIRST + STRIDE, ..., and block j of position t came from row HISTORY + t - (STEPS - 1) + j.
// A warp makes a row of dx.

extern "C" __global__ void __launch_bounds__(THREADS) step_fold(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (row >= ROWS)
        return;

    int group = row / (HISTORY + POSITIONS);
    int r = row % (HISTORY + POSITIONS);
    x += (i64)group * REACHED * STEPS * WIDTH;
    y += (i64)row * WIDTH;
    for (int i = threadIdx.x % 32 * VECTOR; i < WIDTH; i += 32 * VECTOR)
    {
        float sum[VECTOR] = {};
        for (int j = 0; j < STEPS; j++)
        {
            int t = r - HISTORY + (STEPS - 1) - j;
            if (t < FIRST || t >= POSITIONS || (t - FIRST) % STRIDE != 0)
                continue;

            float part[VECTOR];
            load_floats(x + ((i64)((t - FIRST) / STRIDE) * STEPS + j) * WIDTH + i, part);
#pragma unroll
            for (int k = 0; k < VECTOR; k++)
                sum[k] += part[k];
        }
        store_floats(y + i, sum);
    }
}
