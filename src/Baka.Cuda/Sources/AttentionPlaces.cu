// How rows of heads lie in tiles for Hopper's products: in blocks of 64 columns, or of 32 where that takes less, one after the
// other, each with all rows of the tile. The last block may be used in part. (Products of blocks of 16 take longer.)

#define BLOCK_COLUMNS (PADDED_WIDTH % 64 == 0 || PADDED_WIDTH % 64 > 32 ? 64 : 32)
#define BLOCK_BYTES (BLOCK_COLUMNS * 2)
#define STORED_WIDTH ((PADDED_WIDTH + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS * BLOCK_COLUMNS)

// Where a piece of a row lies in a tile of ROWS rows, from the tile's first byte.
template <int ROWS> __device__ __forceinline__ u32 place_in(u32 row, u32 piece)
{
    constexpr u32 across = BLOCK_COLUMNS / 8;
    return piece / across * (ROWS * BLOCK_BYTES) + piece_place<BLOCK_BYTES>(row, piece % across);
}
