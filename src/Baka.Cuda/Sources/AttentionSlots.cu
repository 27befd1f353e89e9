// How rows get from device memory into tiles: in the background, a piece a thread, in passes of as many rows as there are
// threads for: a multiple of 8, so that a thread's pieces lie at the same place of its rows, and a part of a tile.

#define PASS_ROWS (THREADS / PIECES >= 64 ? 64 : THREADS / PIECES >= 32 ? 32 : THREADS / PIECES >= 16 ? 16 : 8)

// Rows STRIDE elements apart to a tile, by accesses of VECTOR elements; zeros instead of those that do not exist, which
// row_exists(0 ... TILE - 1) tells, and behind a head's columns, where the next head may lie.
template <int VECTOR, i64 STRIDE, typename Exists> __device__ __forceinline__ void copy_rows(u32 tile, const bf16* from, Exists row_exists)
{
    const int row = threadIdx.x / PIECES, column = threadIdx.x % PIECES * 8;
    if (row >= PASS_ROWS)
        return;
    from += row * STRIDE + column;
    tile += place(row, column);
#pragma unroll
    for (int pass = 0; pass < TILE / PASS_ROWS; pass++)
        copy_piece<VECTOR>(tile + pass * place(PASS_ROWS, 0), from + pass * PASS_ROWS * STRIDE, column, row_exists(row + pass * PASS_ROWS));
}

// Keys and values of the slots from `slot` on to two tiles; zeros beyond the stream. The keys are the head's part of
// [BATCH, KEY_HEADS, STREAM, PADDED_WIDTH], values lie in two parts, cached and new.
__device__ __forceinline__ void load_slots(u32 tiles, const bf16* k, const bf16* v, const bf16* past, int slot)
{
    const auto exists = [&](int row) { return slot + row < STREAM; };
    copy_rows<8, PADDED_WIDTH>(tiles, k + (i64)slot * PADDED_WIDTH, exists);
    tiles += TILE_BYTES;
    if (slot >= PAST)
        copy_rows<VALUE_VECTOR, V_ROW>(tiles, v + (i64)(slot - PAST) * V_ROW, exists);
    else if (slot + TILE <= PAST)
        copy_rows<VALUE_VECTOR, VP_ROW>(tiles, past + (i64)slot * VP_ROW, exists);
    else
        for (int i = threadIdx.x; i < TILE * PIECES; i += THREADS)
        {
            const int row = i / PIECES, column = i % PIECES * 8, at = slot + row;
            const bf16* from = at < PAST ? past + (i64)at * VP_ROW : v + (i64)(at - PAST) * V_ROW;
            copy_piece<VALUE_VECTOR>(tiles + place(row, column), from + column, column, exists(row));
        }
}
