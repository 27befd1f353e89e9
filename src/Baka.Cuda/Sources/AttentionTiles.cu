// Tiles of 64 rows [64, HEAD_WIDTH] of bfloat16 in shared memory, which products on tensor cores go through. How a row
// lies in a tile, and which warps do a product together, is the matter of AttentionWarps.cu or AttentionGroups.cu.

#define THREADS (WARPS * 32)
#define TILE 64
#define PIECES (HEAD_WIDTH / 8)
#define STEPS (HEAD_WIDTH / 16)
#define COLUMNS (HEAD_WIDTH / 8)

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
