// Sums over the middle axis of x [OUTER, REDUCED, WIDTH], cut into PARTS parts of LENGTH (the last may be shorter):
// y [OUTER, PARTS, WIDTH], whose elements lie in rows of Y_WIDTH, Y_STRIDE apart.
//
// A block has LANES_Y x LANES_X threads. A thread sums every LANES_Y-th of a part's rows in VECTOR neighboring columns; then
// the block adds what its LANES_Y threads have for the same columns.

#define VECTORS (WIDTH / VECTOR)
#define TILES ((VECTORS + LANES_X - 1) / LANES_X)

extern "C" __global__ void __launch_bounds__(LANES_X * LANES_Y) sum_columns(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    __shared__ Pack<float, VECTOR> sums[LANES_Y][LANES_X];
    int lane_x = threadIdx.x % LANES_X;
    int lane_y = threadIdx.x / LANES_X;
    int vector = blockIdx.x % TILES * LANES_X + lane_x;
    int item = blockIdx.x / TILES;
    int begin = item % PARTS * LENGTH;
    int end = min(begin + LENGTH, REDUCED);
    x += (i64)(item / PARTS) * REDUCED * WIDTH + vector * VECTOR;

    float sum[VECTOR] = {};
    if (vector < VECTORS)
    {
#pragma unroll 8
        for (int row = begin + lane_y; row < end; row += LANES_Y)
        {
            float values[VECTOR];
            load_floats(x + (i64)row * WIDTH, values);
#pragma unroll
            for (int k = 0; k < VECTOR; k++)
                sum[k] += values[k];
        }
    }

    store_floats(sums[lane_y][lane_x].at, sum);
    for (int half = LANES_Y / 2; half > 0; half /= 2)
    {
        __syncthreads();
        if (lane_y < half)
        {
            float other[VECTOR];
            load_floats(sums[lane_y + half][lane_x].at, other);
#pragma unroll
            for (int k = 0; k < VECTOR; k++)
                sum[k] += other[k];
            store_floats(sums[lane_y][lane_x].at, sum);
        }
    }

    if (lane_y == 0 && vector < VECTORS)
    {
        i64 i = (i64)item * WIDTH + vector * VECTOR;
        store_floats(y + i / Y_WIDTH * Y_STRIDE + i % Y_WIDTH, sum);
    }
}
