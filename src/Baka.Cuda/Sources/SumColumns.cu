// Sums over the middle axis of x [outer, reduced, width], cut into so many parts of a length (the last may be shorter):
// y [outer, parts, width], whose elements lie in rows of y_width, y_stride apart.
//
// A block has LANES_Y x LANES_X threads. A thread sums every LANES_Y-th of a part's rows in VECTOR neighboring columns; then
// the block adds what its LANES_Y threads have for the same columns. No size is written into the text: a launch can hold
// several sums.

__device__ __forceinline__ void add_columns(
    u32 block, const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y, int reduced, int width, int parts, int length, int y_width, int y_stride)
{
    __shared__ Pack<float, VECTOR> sums[LANES_Y][LANES_X];
    int lane_x = threadIdx.x % LANES_X;
    int lane_y = threadIdx.x / LANES_X;
    int vectors = width / VECTOR;
    int tiles = (vectors + LANES_X - 1) / LANES_X;
    int vector = block % tiles * LANES_X + lane_x;
    int item = block / tiles;
    int begin = item % parts * length;
    int end = min(begin + length, reduced);
    x += (i64)(item / parts) * reduced * width + vector * VECTOR;

    float sum[VECTOR] = {};
    if (vector < vectors)
    {
#pragma unroll 8
        for (int row = begin + lane_y; row < end; row += LANES_Y)
        {
            float values[VECTOR];
            load_floats(x + (i64)row * width, values);
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

    if (lane_y == 0 && vector < vectors)
    {
        i64 i = (i64)item * width + vector * VECTOR;
        store_floats(y + i / y_width * y_stride + i % y_width, sum);
    }
}
