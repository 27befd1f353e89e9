// The adjoint of StepSum.cu: y = dP [groups, HISTORY + POSITIONS, STEPS * WIDTH], where block j of row r is the row
// t = r - HISTORY + (STEPS - 1) - j of x = dy [groups, POSITIONS, WIDTH], or 0 where there is none or STRIDE passes over it. A warp
// makes a row of dP.

#define ROUNDS ((STEPS * WIDTH / VECTOR + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS) step_spread(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= ROWS)
        return;

    int group = row / (HISTORY + POSITIONS);
    int r = row % (HISTORY + POSITIONS);
    x += (i64)group * X_GROUP_STRIDE;
    y += (i64)group * Y_GROUP_STRIDE + (i64)r * Y_STRIDE;
#pragma unroll 4
    for (int k = 0; k < ROUNDS; k++)
    {
        int i = (lane + k * 32) * VECTOR;
        if (i >= STEPS * WIDTH)
            break;

        int j = i / WIDTH;
        int t = r - HISTORY + (STEPS - 1) - j;
        float values[VECTOR] = {};
        if (t >= 0 && t < POSITIONS && HISTORY + t >= STEPS - 1 && (POSITIONS - 1 - t) % STRIDE == 0)
            load_floats(x + (i64)t * X_STRIDE + i % WIDTH, values);
        store_floats(y + i, values);
    }
}
