// y [ROWS, WIDTH]: row i is row index[i] of x [., WIDTH], or zeros where the index is negative. A warp copies a row.

#define ROUNDS ((WIDTH / VECTOR + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS) gather_rows(const X_TYPE* __restrict__ x, const int* __restrict__ index, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= ROWS)
        return;

    int from = index[row];
    x += (i64)from * X_STRIDE;
    y += (i64)row * Y_STRIDE;
#pragma unroll 4
    for (int k = 0; k < ROUNDS; k++)
    {
        int i = (lane + k * 32) * VECTOR;
        if (i >= WIDTH)
            break;

        float values[VECTOR] = {};
        if (from >= 0)
            load_floats(x + i, values);
        store_floats(y + i, values);
    }
}
