// Products of tiles by groups of 4 warps, which only Hopper has. A tile is a square of 64 rows of 128 bytes for each 64
// columns, the last of which may be used in part; in a row, 16-byte pieces lie at piece ^ row % 8.

// Warps that do a product together.
#define GROUP_WARPS 4
#define SQUARE_BYTES (TILE * 128)
#define SQUARES ((PADDED_WIDTH + 63) / 64)
#define TILE_BYTES (SQUARES * SQUARE_BYTES)

// Where 8 elements of a row lie, in bytes from the first of consecutive tiles.
__device__ __forceinline__ u32 place(int row, int column)
{
    return row / TILE * TILE_BYTES + column / 64 * SQUARE_BYTES + row % TILE * 128 + (column % 64 / 8 ^ row % 8) * 16;
}

// Squares begin at multiples of 1024 bytes.
__device__ __forceinline__ unsigned char* first_tile(unsigned char* shared) { return shared + (0u - shared_address(shared)) % 1024; }

// The first of this warp's 16 rows in fragment m of a block's rows.
template <int COUNT> __device__ __forceinline__ int fragment_row(int m)
{
    const int warp = threadIdx.x / 32;
    return (warp / 4 * COUNT + m) * TILE + warp % 4 * 16;
}

// What multiply_rows wants to know of a block's left rows.
template <int COUNT> __device__ __forceinline__ u32 left_operand(u32 tiles) { return tiles + threadIdx.x / 128 * COUNT * TILE_BYTES; }

// Tiles that this thread wrote can be multiplied after the next barrier.
__device__ __forceinline__ void publish_tiles() { publish_writes(); }

// Keeps the compiler from moving what it does with x to the other side of a fence or wait.
__device__ __forceinline__ void pin(float& x) { asm volatile("" : "+f"(x)::"memory"); }
__device__ __forceinline__ void pin(u32& x) { asm volatile("" : "+r"(x)::"memory"); }

// Sums as products take them.
template <int N> __device__ __forceinline__ float (&in_line(float (&d)[N][4]))[N * 4] { return reinterpret_cast<float (&)[N * 4]>(d); }

// To be said of sums that have a first value before any product of a batch begins: they are in their registers then.
template <int COUNT, int WIDTH> __device__ __forceinline__ void settle(float (&d)[COUNT][WIDTH][4])
{
#pragma unroll
    for (int i = 0; i < COUNT * WIDTH * 4; i++)
        pin(d[i / (WIDTH * 4)][i / 4 % WIDTH][i % 4]);
}

// d = left * the tile's rows, transposed; added to d if ADD.
template <bool ADD, int COUNT> __device__ __forceinline__ void multiply_rows(float (&d)[COUNT][TILE / 8][4], u32 left, u32 tile)
{
    settle(d);
    begin_products();
#pragma unroll
    for (int m = 0; m < COUNT; m++)
#pragma unroll
        for (int step = 0; step < STEPS; step++)
        {
            const u32 at = step / 4 * SQUARE_BYTES + step % 4 * 32;
            multiply_tiles(in_line(d[m]), tile_operand(left + m * TILE_BYTES + at), tile_operand(tile + at), ADD || step > 0);
        }
    commit_products();
}

// d += a * the tile.
template <int COUNT> __device__ __forceinline__ void multiply_columns(float (&d)[COUNT][COLUMNS][4], u32 (&a)[COUNT][TILE / 16][4], u32 tile)
{
#pragma unroll
    for (int i = 0; i < COUNT * TILE / 4; i++)
        pin(a[i / (TILE / 4)][i / 4 % (TILE / 16)][i % 4]);
    settle(d);
    begin_products();
    const u64 rows = turned_operand(tile, SQUARE_BYTES);
#pragma unroll
    for (int m = 0; m < COUNT; m++)
#pragma unroll
        for (int step = 0; step < TILE / 16; step++)
            multiply_by_rows(in_line(d[m]), a[m][step], rows + operand_step(step * 16 * 128), true);
    commit_products();
}

// Sums can be used when at most the last N products are under way.
template <int N, int COUNT, int WIDTH> __device__ __forceinline__ void wait_for_sums(float (&d)[COUNT][WIDTH][4])
{
    wait_products<N>(in_line(d[0]));
    settle(d);
}
