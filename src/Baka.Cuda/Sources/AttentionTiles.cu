// Tiles of 64 rows [64, PADDED_WIDTH] of bfloat16 in shared memory, which products on tensor cores go through. How a row
// lies in a tile, and which warps do a product together, is the matter of AttentionWarps.cu or AttentionGroups.cu.

#define THREADS (WARPS * 32)
#define TILE 64
#define PIECES_OF_THREAD(rows) (((rows) * PIECES + THREADS - 1) / THREADS)
#define STEPS (PADDED_WIDTH / 16)
#define COLUMNS (PADDED_WIDTH / 8)

// Calls put(j, row, column) for pieces j of ROWS rows that a thread of a block does.
template <int ROWS, typename Put> __device__ __forceinline__ void for_own_pieces(Put put)
{
#pragma unroll
    for (int j = 0; j < PIECES_OF_THREAD(ROWS); j++)
    {
        const u32 i = j * THREADS + threadIdx.x;
        if (ROWS * PIECES % THREADS == 0 || i < ROWS * PIECES)
            put(j, i / PIECES, i % PIECES * 8);
    }
}

// Sums of 16 rows, rounded to bfloat16, lie as the left operand of the next product wants them.
template <int COUNT> __device__ __forceinline__ void to_left(u32 (&a)[COUNT][TILE / 16][4], const float (&x)[COUNT][TILE / 8][4])
{
#pragma unroll
    for (int i = 0; i < COUNT * TILE / 4; i++)
    {
        const int m = i / (TILE / 4), step = i / 4 % (TILE / 16), j = i % 4;
        const float(&pair)[4] = x[m][2 * step + j / 2];
        a[m][step][j] = pack_bf16(pair[j % 2 * 2], pair[j % 2 * 2 + 1]);
    }
}

// Rows of results on their way out, as floats in shared memory, so that each is written by neighboring lanes.
#define STAGE_PITCH (PADDED_WIDTH + 8)

__device__ __forceinline__ void stage_rows(float* stage, const float (&x)[COLUMNS][4])
{
    int lane = threadIdx.x % 32;
    float* at = stage + lane / 4 * STAGE_PITCH + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < COLUMNS; n++)
    {
        store_pack(at + n * 8, Pack<float, 2>{{x[n][0], x[n][1]}});
        store_pack(at + n * 8 + 8 * STAGE_PITCH, Pack<float, 2>{{x[n][2], x[n][3]}});
    }
}

// Calls put(row, column, values) for pieces of 8 columns of a warp's 16 staged rows.
template <typename Put> __device__ __forceinline__ void for_each_piece(const float* stage, Put put)
{
    for (int i = threadIdx.x % 32; i < 16 * PIECES; i += 32)
    {
        float x[8];
        load_parts<4>(stage + i / PIECES * STAGE_PITCH + i % PIECES * 8, x);
        put(i / PIECES, i % PIECES * 8, x);
    }
}
