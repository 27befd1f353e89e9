// Products of tiles by single warps (mma.m16n8k16), for every padded width. In a tile a row is followed by 8 unused
// elements: an odd number of 16-byte pieces apart, 8 rows lie in 32 different banks.

// Warps that do a product together.
#define GROUP_WARPS 1
#define ROW_BYTES ((PADDED_WIDTH + 8) * 2)
#define TILE_BYTES (TILE * ROW_BYTES)

// Where 8 elements of a row lie, in bytes from the first of consecutive tiles.
__device__ __forceinline__ u32 place(int row, int column) { return row * ROW_BYTES + column * 2; }

__device__ __forceinline__ unsigned char* first_tile(unsigned char* shared) { return shared; }

// The first of this warp's 16 rows in fragment m of a block's rows.
template <int COUNT> __device__ __forceinline__ int fragment_row(int m) { return ((int)threadIdx.x / 32 * COUNT + m) * 16; }

// What multiply_rows wants to know of a block's left rows.
template <int COUNT> __device__ __forceinline__ u32 left_operand(u32 tiles) { return tiles + place(fragment_row<COUNT>(0), 0); }

// Tiles that this thread wrote can be multiplied after the next barrier.
__device__ __forceinline__ void publish_tiles() {}

// d = left * the tile's rows, transposed; added to d if ADD.
template <bool ADD, int COUNT> __device__ __forceinline__ void multiply_rows(float (&d)[COUNT][TILE / 8][4], u32 left, u32 tile)
{
    const int lane = threadIdx.x % 32;
    left += place(lane % 16, lane / 16 * 8);
    tile += place(lane / 16 * 8 + lane % 8, lane / 8 % 2 * 8);
    if (!ADD)
    {
#pragma unroll
        for (int i = 0; i < COUNT * TILE / 2; i++)
            d[i / (TILE / 2)][i / 4 % (TILE / 8)][i % 4] = 0;
    }
#pragma unroll
    for (int step = 0; step < STEPS; step++)
    {
        u32 a[COUNT][4];
#pragma unroll
        for (int m = 0; m < COUNT; m++)
            load_matrix_x4(a[m], left + place(m * 16, step * 16));
#pragma unroll
        for (int n = 0; n < TILE / 16; n++)
        {
            u32 b[4];
            load_matrix_x4(b, tile + place(n * 16, step * 16));
#pragma unroll
            for (int m = 0; m < COUNT; m++)
            {
                multiply_bf16(d[m][2 * n], a[m], b[0], b[1]);
                multiply_bf16(d[m][2 * n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// d += a * the tile.
template <int COUNT> __device__ __forceinline__ void multiply_columns(float (&d)[COUNT][COLUMNS][4], u32 (&a)[COUNT][TILE / 16][4], u32 tile)
{
    const int lane = threadIdx.x % 32;
    tile += place(lane % 16, lane / 16 * 8);
#pragma unroll
    for (int step = 0; step < TILE / 16; step++)
#pragma unroll
        for (int n = 0; n < STEPS; n++)
        {
            u32 b[4];
            load_matrix_x4_transposed(b, tile + place(step * 16, n * 16));
#pragma unroll
            for (int m = 0; m < COUNT; m++)
            {
                multiply_bf16(d[m][2 * n], a[m][step], b[0], b[1]);
                multiply_bf16(d[m][2 * n + 1], a[m][step], b[2], b[3]);
            }
        }
}

// To be said of sums that have a first value before any product of a batch begins: here it does not matter.
template <int COUNT, int WIDTH> __device__ __forceinline__ void settle(float (&)[COUNT][WIDTH][4]) {}

// Sums can be used when at most the last N products may be under way: here there never is one.
template <int N, int COUNT, int WIDTH> __device__ __forceinline__ void wait_for_sums(float (&)[COUNT][WIDTH][4]) {}
