// Row index[i] of y [., WIDTH] becomes row i of x [ROWS, WIDTH]; of several rows for the same place the last one counts. A
// warp copies a row.

#define ROUNDS ((WIDTH / VECTOR + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS) replace_rows(const X_TYPE* __restrict__ x, const int* __restrict__ index, Y_TYPE* __restrict__ y)
{
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= ROWS)
        return;

    int to = index[row];
    bool replaced = false;
    for (int later = row + 1 + lane; later < ROWS; later += 32)
        replaced |= index[later] == to;
    if (warp_ballot(replaced) != 0)
        return;

    x += (i64)row * X_STRIDE;
    y += (i64)to * Y_STRIDE;
#pragma unroll 4
    for (int k = 0; k < ROUNDS; k++)
    {
        int i = (lane + k * 32) * VECTOR;
        if (i >= WIDTH)
            break;

        float values[VECTOR];
        load_floats(x + i, values);
        store_floats(y + i, values);
    }
}
