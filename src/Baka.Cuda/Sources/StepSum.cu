// y_t = sum over j of P[HISTORY + t - (STEPS - 1) + j, block j] for x = P [groups, HISTORY + POSITIONS, STEPS * WIDTH] and
// y [groups, POSITIONS, WIDTH]; 0 where the steps reach before the first row or STRIDE passes over t. A warp makes a row of y.

#define ROUNDS ((WIDTH / VECTOR + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS) step_sum(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= ROWS)
        return;

    int group = row / POSITIONS;
    int t = row % POSITIONS;
    int oldest = HISTORY + t - (STEPS - 1);
    bool reaches = oldest >= 0 && (POSITIONS - 1 - t) % STRIDE == 0;
    x += (i64)group * X_GROUP_STRIDE + (i64)oldest * X_STRIDE;
    y += (i64)group * Y_GROUP_STRIDE + (i64)t * Y_STRIDE;
#pragma unroll 2
    for (int k = 0; k < ROUNDS; k++)
    {
        int i = (lane + k * 32) * VECTOR;
        if (i >= WIDTH)
            break;

        float sum[VECTOR] = {};
        if (reaches)
        {
#pragma unroll 8
            for (int j = 0; j < STEPS; j++)
            {
                float part[VECTOR];
                load_floats(x + (i64)j * X_STRIDE + j * WIDTH + i, part);
#pragma unroll
                for (int c = 0; c < VECTOR; c++)
                    sum[c] += part[c];
            }
        }
        store_floats(y + i, sum);
    }
}
