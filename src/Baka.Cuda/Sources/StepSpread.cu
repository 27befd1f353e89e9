// The adjoint of StepSum.cu: y = dP [groups, HISTORY + POSITIONS, STEPS * WIDTH], where block j of row r is the row
// t = r - HISTORY + (STEPS - 1) - j of x = dy [groups, POSITIONS, WIDTH], or 0 where there is none or STRIDE passes over it. A warp
// takes a row t, of which those before the first and after the last are zeros, to all the rows r that have it.

#define TURNS (HISTORY + POSITIONS + STEPS - 1)
#define ROUNDS ((WIDTH / VECTOR + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS) step_spread(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= ROWS)
        return;

    int group = row / TURNS;
    int t = row % TURNS - HISTORY;
    int first = t + HISTORY - (STEPS - 1);
    bool counts = t >= 0 && t < POSITIONS && first >= 0 && (POSITIONS - 1 - t) % STRIDE == 0;
    x += (i64)group * X_GROUP_STRIDE + (i64)t * X_STRIDE;
    y += (i64)group * Y_GROUP_STRIDE + (i64)first * Y_STRIDE;
#pragma unroll 4
    for (int k = 0; k < ROUNDS; k++)
    {
        int i = (lane + k * 32) * VECTOR;
        if (i >= WIDTH)
            break;

        float values[VECTOR] = {};
        if (counts)
            load_floats(x + i, values);
#pragma unroll 8
        for (int j = 0; j < STEPS; j++)
            if (first + j >= 0 && first + j < HISTORY + POSITIONS)
                store_floats(y + (i64)j * Y_STRIDE + j * WIDTH + i, values);
    }
}
