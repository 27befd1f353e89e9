// Tiles of heads' vectors in shared memory as Hopper's products take them.

#define ROW_BYTES (STORED_WIDTH * 2)
#define STEPS (PADDED_WIDTH / 16) // Products have sums of 16.
#define SUMS (PADDED_WIDTH / 2)   // That a thread has of 64 rows.

// What all lanes have in common anyway, so that the compiler knows it too and computes with it once for the warp:
// addresses for products would else have to be brought to such registers one by one.
__device__ __forceinline__ int uniform(int x) { return warp_get(x, 0); }
__device__ __forceinline__ bool any_lane(bool x) { return warp_ballot(x) != 0; }

// Where the columns of a sum of 16 begin in a tile of ROWS rows, in bytes from the first.
template <int ROWS> __device__ __forceinline__ constexpr int columns_place(int step)
{
    return step * 32 / BLOCK_BYTES * (ROWS * BLOCK_BYTES) + step * 32 % BLOCK_BYTES;
}

// d = rows of tile a, of 64, times rows of tile b.
template <int N> __device__ __forceinline__ void multiply_heads(float (&d)[N], u32 a, u32 b)
{
    const u64 left = tile_operand<BLOCK_BYTES>(a), right = tile_operand<BLOCK_BYTES>(b);
#pragma unroll
    for (int step = 0; step < STEPS; step++)
        multiply_tiles(d, left + operand_step(columns_place<64>(step)), right + operand_step(columns_place<N * 2>(step)), step > 0);
}

// 16 rows of a tile of 64, from a multiple of 8 on, as left operands.
__device__ __forceinline__ void load_rows(u32 (&rows)[STEPS][4], u32 tile, int first)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int step = 0; step < STEPS; step++)
        load_matrix_x4(rows[step], tile + place_in<64>(first + lane % 16, step * 2 + lane / 16));
}

// d = rows times rows of tile b.
__device__ __forceinline__ void multiply_heads(float (&d)[32], const u32 (&rows)[STEPS][4], u32 b)
{
    const u64 right = tile_operand<BLOCK_BYTES>(b);
#pragma unroll
    for (int step = 0; step < STEPS; step++)
        multiply_by_columns(d, rows[step], right + operand_step(columns_place<64>(step)), step > 0);
}

// The part of `multiply_heads(d, a, b)` that the warp gets, which it computes without the others of its warpgroup.
template <int N> __device__ __forceinline__ void multiply_alone(float (&d)[N], u32 a, u32 b)
{
    const int lane = threadIdx.x % 32;
    u32 rows[STEPS][4];
    load_rows(rows, a, threadIdx.x / 32 % 4 * 16);
#pragma unroll
    for (int i = 0; i < N; i += 4)
    {
        float sums[4] = {};
#pragma unroll
        for (int step = 0; step < STEPS; step += 2)
        {
            u32 columns[4];
            load_matrix_x4(columns, b + piece_place(i * 2 + lane % 8, step * 2 + lane / 8));
            multiply_bf16(sums, rows[step], columns[0], columns[1]);
            multiply_bf16(sums, rows[step + 1], columns[2], columns[3]);
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
            d[i + j] = sums[j];
    }
}

// d += weights[64, 16 N] times the 16 N rows of a tile.
template <int N> __device__ __forceinline__ void add_weighted_rows(float (&d)[SUMS], const u32 (&weights)[N][4], u32 tile)
{
    const u64 rows = turned_operand<BLOCK_BYTES>(tile, N * 16 * BLOCK_BYTES);
#pragma unroll
    for (int step = 0; step < N; step++)
        multiply_by_rows(d, weights[step], rows + operand_step(step * 16 * BLOCK_BYTES), true);
}

// Results of products as left operands of the next.
template <int N> __device__ __forceinline__ void to_weights(u32 (&weights)[N / 8][4], const float (&x)[N])
{
#pragma unroll
    for (int i = 0; i < N / 2; i++)
        weights[i / 4][i % 4] = pack_bf16(x[2 * i], x[2 * i + 1]);
}

// What a weight of 0 has to hide may be infinite or NaN.
template <int N> __device__ __forceinline__ void drop_unseen(float (&x)[N], const float (&weights)[N])
{
#pragma unroll
    for (int i = 0; i < N; i++)
        x[i] = weights[i] == 0.0f ? 0.0f : x[i];
}

// Copies a warp's part of ROWS rows of 64 columns, STRIDE elements apart, to a tile: eight rows of WARPS times eight each.
template <int ROWS, int WARPS, i64 STRIDE> __device__ __forceinline__ void copy_rows(u32 to, const bf16* from, int warp)
{
    const int lane = threadIdx.x % 32, row = warp * 8 + lane / 8, piece = lane % 8;
    from += row * STRIDE + piece * 8;
    const u32 even = to + piece_place(row, piece), odd = to + piece_place(row + 4, piece);
#pragma unroll
    for (int i = 0; i < ROWS; i += WARPS * 8, from += WARPS * 8 * STRIDE)
        if (ROWS % (WARPS * 8) == 0 || i + row < ROWS)
        {
            copy_async_16(even + i * ROW_BYTES, from, true);
            copy_async_16(odd + i * ROW_BYTES, from + 4 * STRIDE, true);
        }
}

// Bytes of a row of results.
#define STAGED_BYTES (PADDED_WIDTH * 4)

// Results of 16 rows on their way out, as floats in shared memory, so that each row is written by neighboring lanes:
// 16-byte piece c of row r lies at place c ^ r % 8, or r % 4 where a row has no multiple of 8 pieces.
__device__ __forceinline__ float* staged(unsigned char* stage, int row, int piece)
{
    return reinterpret_cast<float*>(stage + row * STAGED_BYTES + ((piece ^ row % (STAGED_BYTES % 128 == 0 ? 8 : 4)) << 4));
}

__device__ __forceinline__ void stage_rows(unsigned char* stage, const float (&x)[SUMS])
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < SUMS; i += 2)
        store_pack(staged(stage, i / 2 % 2 * 8 + lane / 4, i / 4 * 2 + lane % 4 / 2) + lane % 2 * 2, Pack<float, 2>{{x[i], x[i + 1]}});
}

// Calls put(row, column, values) for pieces of 8 columns of 16 staged rows.
template <typename Put> __device__ __forceinline__ void for_each_piece(unsigned char* stage, Put put)
{
#pragma unroll
    for (int i = threadIdx.x % 32; i < 16 * PIECES; i += 32)
    {
        const int row = i / PIECES, piece = i % PIECES;
        const Pack<float, 4> low = load_pack<4>(staged(stage, row, piece * 2)), high = load_pack<4>(staged(stage, row, piece * 2 + 1));
        const float x[8] = {low.at[0], low.at[1], low.at[2], low.at[3], high.at[0], high.at[1], high.at[2], high.at[3]};
        put(row, piece * 8, x);
    }
}
