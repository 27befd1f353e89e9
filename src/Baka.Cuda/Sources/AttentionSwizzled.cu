// Tiles of heads' vectors in shared memory as Hopper's products take them: rows of 64 bfloat16 numbers, swizzled.

#define ROW_BYTES 128
#define PIECES 8
#define STEPS 4 // Products have sums of 16.

// Where a 16-byte piece of a row lies, from the tile's first byte.
__device__ __forceinline__ u32 piece_place(int row, int piece) { return row * ROW_BYTES + ((piece ^ row % 8) << 4); }

// d = rows of tile a times rows of tile b.
template <int N> __device__ __forceinline__ void multiply_heads(float (&d)[N], u32 a, u32 b)
{
    const u64 left = tile_operand(a), right = tile_operand(b);
#pragma unroll
    for (int step = 0; step < STEPS; step++)
        multiply_tiles(d, left + operand_step(step * 32), right + operand_step(step * 32), step > 0);
}

// d += weights[64, 16 N] times the 16 N rows of a tile.
template <int N> __device__ __forceinline__ void add_weighted_rows(float (&d)[32], const u32 (&weights)[N][4], u32 tile)
{
    const u64 rows = tile_operand(tile);
#pragma unroll
    for (int step = 0; step < N; step++)
        multiply_tile(d, weights[step], rows + operand_step(step * 16 * ROW_BYTES), true);
}

// Results of products as left operands of the next.
template <int N> __device__ __forceinline__ void to_weights(u32 (&weights)[N / 8][4], const float (&x)[N])
{
#pragma unroll
    for (int i = 0; i < N / 2; i++)
        weights[i / 4][i % 4] = pack_bf16(x[2 * i], x[2 * i + 1]);
}

// A ring of places in shared memory that one warp fills and others use: the use-th time of all.
struct Turn
{
    int place;
    u32 parity;
};

template <int PLACES> __device__ __forceinline__ void advance(Turn& turn)
{
    if (++turn.place == PLACES)
    {
        turn.place = 0;
        turn.parity ^= 1;
    }
}
