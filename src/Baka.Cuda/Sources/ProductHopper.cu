// An elementwise program on the results of a product A Bᵀ of bfloat16 matrices and on other matrices at the same places,
// on Hopper's tensor cores. Two blocks, a cluster, make 128 x 256 products each, below one another, and share what they
// load of B; a pair of blocks takes one tile after the other. A thread of a block's last warpgroup copies, the two others
// compute 64 rows each.
//
// Everything passes through one ring of places with room for BOXES tiles of 128 x 64. For a tile of products these are
// A and B, 64 columns at a time, then for the program's columns, 64 at a time, what it reads besides the products. The
// program's results take the place of these and leave from there: memory is busy while products are under way.
//
// PARTS      products side by side in a tile, each with a matrix B of its own
// A_WIDTH    columns of A; where it is smaller than DEPTH, A's rows go on in those below
// DEPTH      length of the sums
// B_TURNED   whether B's rows are columns in memory
// INPUTS     matrices that the program reads, from the first boxes on; then come the products
// RESULTS    what it makes, from the first box on

#define TILE_ROWS 128
#define PART_COLUMNS (256 / PARTS)
#define BOX_ROW_BYTES 128
#define BOX_BYTES (TILE_ROWS * BOX_ROW_BYTES)
#define BOXES 3
#define PLACE_BYTES (BOXES * BOX_BYTES)
#define PLACES 4
#define PRODUCT_STEPS ((DEPTH + 63) / 64)
#define BOXES_USED (INPUTS + PARTS > RESULTS ? INPUTS + PARTS : RESULTS)
#define COLUMNS_AT_ONCE (64 * (BOXES_USED == 1 ? 2 : 1))
#define PROGRAM_STEPS (PART_COLUMNS / COLUMNS_AT_ONCE)
#define READY_AT (PLACES * PLACE_BYTES)
#define EMPTY_AT (READY_AT + PLACES * 8)
#define GROUPS 2
#define THREADS ((GROUPS + 1) * 128)

// A, the B of each part, inputs, results: A and inputs by boxes of 128 rows, B by 128 or, where turned, by 64, results by 64.
struct Maps
{
    TensorMap a, b[PARTS], y[RESULTS];
#if INPUTS > 0
    TensorMap x[INPUTS];
#endif
};

struct Turn
{
    int place;
    u32 parity;
};

__device__ __forceinline__ void advance(Turn& turn)
{
    if (++turn.place == PLACES)
    {
        turn.place = 0;
        turn.parity ^= 1;
    }
}

// A tile's first row of the block's, and its first column of each part.
struct Tile
{
    int row, column;
};

__device__ __forceinline__ Tile tile_at(int index, int rank)
{
    return {(index / TILES_ACROSS * 2 + rank) * TILE_ROWS, index % TILES_ACROSS * PART_COLUMNS};
}

#define FOR_EACH_TILE(index) for (int index = blockIdx.x / 2; index < TILES_DOWN * TILES_ACROSS; index += gridDim.x / 2)

// What the thread that copies does.
__device__ __forceinline__ void load_all(u32 base, const Maps& maps)
{
    const int rank = cluster_rank();
    Turn turn = {0, 0};
    FOR_EACH_TILE(index)
    {
        const Tile tile = tile_at(index, rank);
#if INPUTS > 0
        for (int i = 0; i < PART_COLUMNS / 64; i++)
            for (int k = 0; k < INPUTS; k++)
                prefetch_box(maps.x[k], tile.column + i * 64, tile.row);
#endif
        for (int step = 0; step < PRODUCT_STEPS; step++, advance(turn))
        {
            const u32 to = base + turn.place * PLACE_BYTES, ready = base + READY_AT + turn.place * 8;
            phase_wait(base + EMPTY_AT + turn.place * 8, turn.parity ^ 1);
            phase_arrive_expecting(ready, PLACE_BYTES);
            copy_box(to, maps.a, step * 64 % A_WIDTH, tile.row + A_SHIFT + step * 64 / A_WIDTH, ready);

            // Each block brings half of B for both.
            const u32 half = to + (1 + rank) * BOX_BYTES;
            const TensorMap& own = maps.b[PARTS == 1 ? 0 : rank];
            const int first = tile.column + (PARTS == 1 ? rank * 128 : 0);
            if constexpr (B_TURNED)
            {
                copy_box_to_both(half, own, first, step * 64, ready);
                copy_box_to_both(half + BOX_BYTES / 2, own, first + 64, step * 64, ready);
            }
            else
                copy_box_to_both(half, own, step * 64, first, ready);
        }

        for (int step = 0; step < PROGRAM_STEPS; step++, advance(turn))
        {
            const u32 to = base + turn.place * PLACE_BYTES, ready = base + READY_AT + turn.place * 8;
            phase_wait(base + EMPTY_AT + turn.place * 8, turn.parity ^ 1);
            phase_arrive_expecting(ready, INPUTS * BOX_BYTES);
#if INPUTS > 0
            for (int k = 0; k < INPUTS; k++)
                copy_box(to + k * BOX_BYTES, maps.x[k], tile.column + step * 64, tile.row, ready);
#endif
        }
    }
}

// Puts 64 of a warp's products a row into a box.
__device__ __forceinline__ void put_products(unsigned char* box, const float* d)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 16; i++)
    {
        const int row = i % 2 * 8 + lane / 4;
        *reinterpret_cast<u32*>(box + row * BOX_ROW_BYTES + ((i / 2 ^ row % 8) << 4) + lane % 4 * 4) = pack_bf16(d[2 * i], d[2 * i + 1]);
    }
}

// What a computing warpgroup does.
__device__ __forceinline__ void compute_all(unsigned char* shared, const Maps& maps)
{
    const u32 base = shared_address(shared);
    const int rank = cluster_rank(), group = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), warp = threadIdx.x % 128 / 32, lane = threadIdx.x % 32;
    const bool leads = threadIdx.x % 128 == 0;
    auto release = [&](int place) {
        phase_arrive_at(base + EMPTY_AT + place * 8, 0);
        phase_arrive_at(base + EMPTY_AT + place * 8, 1);
    };
    float d[128];
    int leaving = -1; // the place whose results are on their way out
    Turn turn = {0, 0};
    FOR_EACH_TILE(index)
    {
        const Tile tile = tile_at(index, rank);
        int before = -1;
        for (int step = 0; step < PRODUCT_STEPS; step++, advance(turn))
        {
            const u32 at = base + turn.place * PLACE_BYTES;
            const u64 left = tile_operand(at + group * (BOX_BYTES / GROUPS));
            const u64 right = B_TURNED ? turned_operand(at + BOX_BYTES, BOX_BYTES / 2) : tile_operand(at + BOX_BYTES);
            phase_wait(base + READY_AT + turn.place * 8, turn.parity);
            begin_products();
#pragma unroll
            for (int i = 0; i < 4; i++)
                if constexpr (B_TURNED)
                    multiply_turned(d, left + operand_step(i * 32), right + operand_step(i * 2048), step + i > 0);
                else
                    multiply_tiles(d, left + operand_step(i * 32), right + operand_step(i * 32), step + i > 0);
            commit_products();
            group_wait<1>();
            if (leads)
            {
                if (before >= 0)
                    release(before);
                else if (leaving >= 0)
                {
                    wait_stores_read<0>();
                    release(leaving);
                }
            }
            warp_barrier();
            before = turn.place;
        }
        wait_products<0>(d);
        if (leads)
            release(before);
        warp_barrier();

        leaving = -1;
#pragma unroll
        for (int step = 0; step < PROGRAM_STEPS; step++)
        {
            unsigned char* boxes = shared + turn.place * PLACE_BYTES + group * (BOX_BYTES / GROUPS);
            phase_wait(base + READY_AT + turn.place * 8, turn.parity);
            unsigned char* own = boxes + warp * 16 * BOX_ROW_BYTES;
#pragma unroll
            for (int i = 0; i < PARTS * (COLUMNS_AT_ONCE / 64); i++)
                put_products(own + (INPUTS + i) * BOX_BYTES, d + step * COLUMNS_AT_ONCE / 2 + i * (PARTS == 2 ? PART_COLUMNS / 2 : 32));
#ifdef PROGRAM
            warp_barrier();
#pragma unroll 2
            for (int row = lane / 8; row < 16; row += 4)
                PROGRAM(own + row * BOX_ROW_BYTES + ((lane % 8 ^ row % 8) << 4));
#endif
            publish_writes();
            group_barrier(1 + group, 128);
            if (leads)
            {
#pragma unroll
                for (int i = 0; i < COLUMNS_AT_ONCE / 64; i++)
#pragma unroll
                    for (int k = 0; k < RESULTS; k++)
                        store_box(maps.y[k], tile.column + step * COLUMNS_AT_ONCE + i * 64, tile.row + group * 64, shared_address(boxes) + (i * RESULTS + k) * BOX_BYTES);
                commit_stores();
                if (leaving >= 0)
                {
                    wait_stores_read<1>();
                    release(leaving);
                }
            }
            warp_barrier();
            leaving = turn.place;
            advance(turn);
        }
    }
    if (leads)
        wait_stores_read<0>();
    warp_barrier();
}

extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(THREADS, 1) product_hopper(const __grid_constant__ Maps maps)
{
    DYNAMIC_SHARED(shared);
    const u32 base = shared_address(shared);
    if (threadIdx.x == 0)
    {
        for (int i = 0; i < PLACES; i++)
        {
            phase_init(base + READY_AT + i * 8, 1);
            phase_init(base + EMPTY_AT + i * 8, GROUPS * 2);
        }
        publish_barriers();
    }
    cluster_barrier();
    if (threadIdx.x / 128 == GROUPS)
    {
        give_registers<40>();
        if (threadIdx.x % 128 == 0)
            load_all(base, maps);
        warp_barrier();
    }
    else
    {
        take_registers<232>();
        compute_all(shared, maps);
    }
    cluster_barrier();
}
