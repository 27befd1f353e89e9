// Tiles of 64 rows [64, HEAD_WIDTH] of bfloat16 in shared memory and their products on the tensor cores. A row is
// followed by 8 unused elements: an odd number of 16-byte pieces apart, 8 rows lie in 32 different banks.

#define TILE 64
#define PITCH (HEAD_WIDTH + 8)
#define ROW_BYTES (PITCH * 2)
#define TILE_BYTES (TILE * ROW_BYTES)
#define PIECES (HEAD_WIDTH / 8)
#define STEPS (HEAD_WIDTH / 16)

// Where a lane finds its row of the four 8x8 matrices of a 16x16 block: for a left operand, and for a right operand
// whose rows run along the sum (transposed on the way).
__device__ __forceinline__ u32 lane_along_sum()
{
    int lane = threadIdx.x % 32;
    return lane % 16 * ROW_BYTES + lane / 16 * 16;
}

// For a right operand whose rows run along the result.
__device__ __forceinline__ u32 lane_along_result()
{
    int lane = threadIdx.x % 32;
    return (lane / 16 * 8 + lane % 8) * ROW_BYTES + lane / 8 % 2 * 16;
}

// d[16 M, TILE] += a[16 M, 16 of HEAD_WIDTH] * the same columns of the tile's rows, transposed.
template <int M> __device__ __forceinline__ void multiply_rows(float (&d)[M][TILE / 8][4], const u32 (&a)[M][4], u32 tile)
{
#pragma unroll
    for (int n = 0; n < TILE / 16; n++)
    {
        u32 b[4];
        load_matrix_x4(b, tile + n * 16 * ROW_BYTES);
#pragma unroll
        for (int m = 0; m < M; m++)
        {
            multiply_bf16(d[m][2 * n], a[m], b[0], b[1]);
            multiply_bf16(d[m][2 * n + 1], a[m], b[2], b[3]);
        }
    }
}

// d[16 M, HEAD_WIDTH] += a[16 M, 16 of TILE] * the same rows of the tile.
template <int M> __device__ __forceinline__ void multiply_columns(float (&d)[M][HEAD_WIDTH / 8][4], const u32 (&a)[M][4], u32 tile)
{
#pragma unroll
    for (int n = 0; n < STEPS; n++)
    {
        u32 b[4];
        load_matrix_x4_transposed(b, tile + n * 32);
#pragma unroll
        for (int m = 0; m < M; m++)
        {
            multiply_bf16(d[m][2 * n], a[m], b[0], b[1]);
            multiply_bf16(d[m][2 * n + 1], a[m], b[2], b[3]);
        }
    }
}

// Sums of 16 rows lie as the left operand of the next product wants them: columns 16 step ... 16 step + 15 as bfloat16.
template <int N> __device__ __forceinline__ void to_left(u32 (&a)[4], const float (&x)[N][4], int step)
{
    a[0] = pack_bf16(x[2 * step][0], x[2 * step][1]);
    a[1] = pack_bf16(x[2 * step][2], x[2 * step][3]);
    a[2] = pack_bf16(x[2 * step + 1][0], x[2 * step + 1][1]);
    a[3] = pack_bf16(x[2 * step + 1][2], x[2 * step + 1][3]);
}

// Rows of results on their way out, as floats in shared memory, so that each is written by neighboring lanes.
#define STAGE_PITCH (HEAD_WIDTH + 8)

__device__ __forceinline__ void stage_rows(float* stage, const float (&x)[HEAD_WIDTH / 8][4])
{
    int lane = threadIdx.x % 32;
    float* at = stage + lane / 4 * STAGE_PITCH + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < HEAD_WIDTH / 8; n++)
    {
        store_pack(at + n * 8, Pack<float, 2>{{x[n][0], x[n][1]}});
        store_pack(at + n * 8 + 8 * STAGE_PITCH, Pack<float, 2>{{x[n][2], x[n][3]}});
    }
}

// Calls put(row, column, values) for pieces of 8 columns of a warp's staged rows.
template <typename Put> __device__ __forceinline__ void for_each_piece(const float* stage, int rows, Put put)
{
    for (int i = threadIdx.x % 32; i < rows * PIECES; i += 32)
    {
        float x[8];
        load_parts<4>(stage + i / PIECES * STAGE_PITCH + i % PIECES * 8, x);
        put(i / PIECES, i % PIECES * 8, x);
    }
}
