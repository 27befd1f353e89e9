// Tiles of floats in shared memory and their products, for any element and any head width: a block of 16 x 16 threads,
// of which thread (x, y) does rows y, y + 16, ... and columns x, x + 16, ... of every result.

#define THREADS 256
#define PITCH (HEAD_WIDTH | 1)
#define WEIGHT_PITCH (TILE + 1)
#define PARTS (TILE / 16)
#define COLUMNS ((HEAD_WIDTH + 15) / 16)

// tile[row, column] = read(row, column).
template <typename Read> __device__ __forceinline__ void load_tile(float* tile, Read read)
{
    for (int i = threadIdx.x; i < TILE * HEAD_WIDTH; i += THREADS)
        tile[i / HEAD_WIDTH * PITCH + i % HEAD_WIDTH] = read(i / HEAD_WIDTH, i % HEAD_WIDTH);
}

// The same with rows turned to their places.
template <typename Read, typename Place> __device__ __forceinline__ void load_turned(float* tile, Read read, Place place)
{
#if ROPE
    for (int i = threadIdx.x; i < TILE * (HEAD_WIDTH / 2); i += THREADS)
    {
        int row = i / (HEAD_WIDTH / 2), pair = i % (HEAD_WIDTH / 2);
        float x = read(row, 2 * pair), y = read(row, 2 * pair + 1);
        rotate(x, y, rotation_at(place(row), pair));
        tile[row * PITCH + 2 * pair] = x;
        tile[row * PITCH + 2 * pair + 1] = y;
    }
#else
    load_tile(tile, read);
#endif
}

// The stream's keys from a slot on, turned to their places; zeros behind its end.
__device__ __forceinline__ void load_keys(float* tile, const K_TYPE* k, const KP_TYPE* k_past, int batch, int head, int slot)
{
    load_turned(
        tile,
        [&](int row, int column) {
            return slot + row < PAST ? to_float(AT(KP, k_past, batch, slot + row, head)[column])
                : slot + row < STREAM ? to_float(AT(K, k, batch, slot + row - PAST, head)[column]) : 0.0f;
        },
        [&](int row) { return slot + row; });
}

// Its values.
__device__ __forceinline__ void load_values(float* tile, const V_TYPE* v, const VP_TYPE* v_past, int batch, int head, int slot)
{
    load_tile(tile, [&](int row, int column) {
        return slot + row < PAST ? to_float(AT(VP, v_past, batch, slot + row, head)[column])
            : slot + row < STREAM ? to_float(AT(V, v, batch, slot + row - PAST, head)[column]) : 0.0f;
    });
}

// d[TILE, TILE] += a[TILE, HEAD_WIDTH] * b[TILE, HEAD_WIDTH] transposed.
__device__ __forceinline__ void multiply_rows(float (&d)[PARTS][PARTS], const float* a, const float* b)
{
    a += threadIdx.x / 16 * PITCH;
    b += threadIdx.x % 16 * PITCH;
#pragma unroll 4
    for (int c = 0; c < HEAD_WIDTH; c++)
    {
        float x[PARTS], y[PARTS];
#pragma unroll
        for (int i = 0; i < PARTS; i++)
        {
            x[i] = a[i * 16 * PITCH + c];
            y[i] = b[i * 16 * PITCH + c];
        }
#pragma unroll
        for (int i = 0; i < PARTS; i++)
#pragma unroll
            for (int j = 0; j < PARTS; j++)
                d[i][j] += x[i] * y[j];
    }
}

// d[TILE, HEAD_WIDTH] += weights[TILE, TILE] * b[TILE, HEAD_WIDTH]. What has no weight does not matter, not even if it is NaN.
__device__ __forceinline__ void multiply_columns(float (&d)[PARTS][COLUMNS], const float* weights, const float* b)
{
    weights += threadIdx.x / 16 * WEIGHT_PITCH;
#pragma unroll 4
    for (int k = 0; k < TILE; k++)
    {
        float x[PARTS];
#pragma unroll
        for (int i = 0; i < PARTS; i++)
            x[i] = weights[i * 16 * WEIGHT_PITCH + k];
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
        {
            int column = threadIdx.x % 16 + c * 16;
            float y = column < HEAD_WIDTH ? b[k * PITCH + column] : 0.0f;
#pragma unroll
            for (int i = 0; i < PARTS; i++)
                d[i][c] += x[i] != 0.0f ? x[i] * y : 0.0f;
        }
    }
}

__device__ __forceinline__ void store_weights(float* weights, const float (&x)[PARTS][PARTS])
{
#pragma unroll
    for (int i = 0; i < PARTS; i++)
#pragma unroll
        for (int j = 0; j < PARTS; j++)
            weights[(threadIdx.x / 16 + i * 16) * WEIGHT_PITCH + threadIdx.x % 16 + j * 16] = x[i][j];
}

// Sums and maxima over the 16 threads of a row.
__device__ __forceinline__ float row_sum(float x)
{
    for (int mask = 8; mask > 0; mask >>= 1)
        x += warp_xor(x, mask);
    return x;
}

__device__ __forceinline__ float row_max(float x)
{
    for (int mask = 8; mask > 0; mask >>= 1)
        x = fmaxf(x, warp_xor(x, mask));
    return x;
}

// Turns this thread's columns of a row back; the other of each pair is its neighbor's.
__device__ __forceinline__ void turn_back(float (&x)[COLUMNS], int place)
{
#if ROPE
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
    {
        int column = min((int)threadIdx.x % 16 + c * 16, HEAD_WIDTH - 1);
        Rotation by = rotation_at(place, column / 2);
        float other = warp_xor(x[c], 1);
        x[c] = x[c] * by.cosine + other * (column % 2 == 0 ? by.sine : -by.sine);
    }
#endif
}

// What a tile of queries sees of the stream; the ranges are in shared memory.
__device__ __forceinline__ Sight tile_sight(const Range* ranges)
{
    Sight sight = NO_SIGHT;
    for (int i = threadIdx.x % 32; i < TILE; i += 32)
        sight = join(sight, sight_of(ranges[i]));
    return join_lanes(sight, 1);
}
