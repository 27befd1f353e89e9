// An elementwise program on the results of a product A Bᵀ of bfloat16 matrices and on other matrices at the same places,
// on Hopper's tensor cores. Two blocks, a cluster, make 128 x 256 products each, below one another, and share what they
// load of B; they take one tile after the other. A block's first two warpgroups multiply, 64 rows each, more warps compute
// with the results of one tile while the next is multiplied, and the last loads A and B through a ring.
//
// Left open: DEPTH, the length of the sums; PARTS, the products side by side in a tile, each with a B of its own, and
// B_TURNED, whether B's rows are columns in memory; A_WIDTH, the columns of A: where they are fewer than DEPTH, each row
// goes on in the rows below, and A_SHIFT is where the first of them lies; ROWS and COLUMNS of each product; INPUTS, the
// other matrices, their rows X_STRIDES apart, and ROW_INPUTS, of one column; the program: Results, where to, and finish, what
// is done for 8 neighbors, returning what is summed of them, if SUMMED, where PARTS is 1; how many PLACES the ring has, how
// many warps are FINISHERS, and how many SLOTS, for 8 neighbors of an input that are on their way, each of their threads.

#define TILE_ROWS 128
#define PART_COLUMNS (256 / PARTS)
#define STEPS ((DEPTH + 63) / 64)
#define TILES_ACROSS ((COLUMNS + PART_COLUMNS - 1) / PART_COLUMNS)
#define TILES_DOWN ((ROWS + 2 * TILE_ROWS - 1) / (2 * TILE_ROWS))
#define BOX_ROW_BYTES 128
#define BOX_BYTES (TILE_ROWS * BOX_ROW_BYTES)
#define PLACE_BYTES (3 * BOX_BYTES)
#define GROUPS 2
#define HALF_ROWS (TILE_ROWS / GROUPS)
#define RESULTS_AT (PLACES * PLACE_BYTES)
#define READY_AT (RESULTS_AT + 4 * BOX_BYTES)
#define EMPTY_AT (READY_AT + PLACES * 8)
#define DONE_AT (EMPTY_AT + PLACES * 8)
#define TAKEN_AT (DONE_AT + GROUPS * 8)
#define BATCH (INPUTS == 0 ? 4 : INPUTS <= 2 ? 2 : 1) // times 8 neighbors that a thread takes at a time
#define TURNS_AHEAD (INPUTS == 0 ? 1 : SLOTS / (BATCH * INPUTS))
#define SLOT_BYTES (FINISHERS * 32 * 16)
#define SLOTS_AT (TAKEN_AT + GROUPS * 8)
#define THREADS (GROUPS * 128 + FINISHERS * 32 + 32)

// Maps of A by boxes of 128 rows and of each B by boxes of 128 or, where turned, of 64.
struct Operands
{
    TensorMap a, b[PARTS];
#if INPUTS > 0
    const bf16* x[INPUTS];
#endif
    Results results;
#if ROW_INPUTS > 0
    const float* of_rows[ROW_INPUTS];
#endif
#if SUMMED
    float* sums; // [ROWS, TILES_ACROSS]
#endif
};

// The first row of the block's tile, and its first column in each part.
struct Tile
{
    int row, column;
};

// Along the shorter side first: what blocks read at a time is little then and stays in the cache.
__device__ __forceinline__ Tile tile_at(int index, int rank)
{
    constexpr bool down_first = TILES_DOWN < TILES_ACROSS;
    const int down = down_first ? index % TILES_DOWN : index / TILES_ACROSS, across = down_first ? index / TILES_DOWN : index % TILES_ACROSS;
    return {(down * 2 + rank) * TILE_ROWS, across * PART_COLUMNS};
}

#define FOR_EACH_TILE(index) for (int index = blockIdx.x / 2; index < TILES_DOWN * TILES_ACROSS; index += gridDim.x / 2)

__device__ __forceinline__ void load_all(u32 base, const Operands& operands)
{
    const int rank = cluster_rank();
    Turn turn = {0, 0};
    FOR_EACH_TILE(index)
    {
        const Tile tile = tile_at(index, rank);
#pragma unroll 1
        for (int step = 0; step < STEPS; step++, advance<PLACES>(turn))
        {
            const u32 to = base + turn.place * PLACE_BYTES, ready = base + READY_AT + turn.place * 8;
            phase_wait(base + EMPTY_AT + turn.place * 8, turn.parity ^ 1);
            phase_arrive_expecting(ready, PLACE_BYTES);
            copy_box(to, operands.a, step * 64 % A_WIDTH, tile.row + A_SHIFT + step * 64 / A_WIDTH, ready);

            // Each block brings half of B for both.
            const u32 half = to + (1 + rank) * BOX_BYTES;
            const TensorMap& own = operands.b[PARTS == 1 ? 0 : rank];
            const int first = tile.column + (PARTS == 1 ? rank * 128 : 0);
            if constexpr (B_TURNED)
            {
                copy_box_to_both(half, own, first, step * 64, ready);
                copy_box_to_both(half + BOX_BYTES / 2, own, first + 64, step * 64, ready);
            }
            else
                copy_box_to_both(half, own, step * 64, first, ready);
        }
    }
}

// Puts a warp's 64 products of each of 16 rows into a box.
__device__ __forceinline__ void put_products(unsigned char* box, const float* d)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 16; i++)
        *reinterpret_cast<u32*>(box + piece_place(i % 2 * 8 + lane / 4, i / 2) + lane % 4 * 4) = pack_bf16(d[2 * i], d[2 * i + 1]);
}

__device__ __forceinline__ void multiply_all(unsigned char* shared)
{
    const u32 base = shared_address(shared);
    const int group = warp_get((int)threadIdx.x / 128, 0), warp = threadIdx.x % 128 / 32, lane = threadIdx.x % 32;
    auto release = [&](int place) {
        if (warp == 0 && lane < 2)
            phase_arrive_at(base + EMPTY_AT + place * 8, lane);
        warp_barrier();
    };
    float d[128];
    Turn turn = {0, 0};
    u32 parity = 1;
    FOR_EACH_TILE(index)
    {
        // The first product overwrites them; without values before it NVRTC 12 waits for each product.
        clear_products(d);
        int before = 0;
#pragma unroll 1
        for (int step = 0; step < STEPS; step++, advance<PLACES>(turn))
        {
            const u32 at = base + turn.place * PLACE_BYTES;
            const u64 left = tile_operand(at + group * (HALF_ROWS * BOX_ROW_BYTES));
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
            wait_products<1>();
            if (step > 0)
                release(before);
            before = turn.place;
        }
        wait_products<0>(d);
        release(before);

        phase_wait(base + TAKEN_AT + group * 8, parity);
#pragma unroll
        for (int i = 0; i < 4; i++)
            put_products(shared + RESULTS_AT + i * BOX_BYTES + (group * HALF_ROWS + warp * 16) * BOX_ROW_BYTES, d + i * 32);
        warp_barrier();
        if (lane == 0)
            phase_arrive(base + DONE_AT + group * 8);
        parity ^= 1;
    }
}

// Rows that a warp takes at a time, and how often in half a tile.
#define PIECES_ACROSS (PART_COLUMNS / 8)
#define ROWS_AT_ONCE (32 / PIECES_ACROSS)
#define TURNS_OF_HALF (HALF_ROWS / (BATCH * ROWS_AT_ONCE))

// Sums of N numbers each over a warp, at once: lane l has that of number l / (32 / N).
template <int N> __device__ __forceinline__ float warp_sums(float (&x)[N])
{
#pragma unroll
    for (int n = N / 2, mask = 16; n > 0; n /= 2, mask /= 2)
#pragma unroll
        for (int i = 0; i < n; i++)
        {
            const bool upper = threadIdx.x & mask;
            const float other = warp_xor(upper ? x[i] : x[i + n], mask);
            x[i] = (upper ? x[i + n] : x[i]) + other;
        }
#pragma unroll
    for (int mask = 16 / N; mask > 0; mask /= 2)
        x[0] += warp_xor(x[0], mask);
    return x[0];
}

__device__ __forceinline__ void finish_all(unsigned char* shared, const Operands& operands)
{
    const u32 base = shared_address(shared);
    const int rank = cluster_rank(), thread = threadIdx.x - GROUPS * 128, warp = thread / 32, lane = thread % 32;
    const int piece = lane % PIECES_ACROSS, own_row = lane / PIECES_ACROSS;
    const int first = blockIdx.x / 2, stride = gridDim.x / 2;
    const int turns = (TILES_DOWN * TILES_ACROSS - first + stride - 1) / stride * (2 * TURNS_OF_HALF);
    auto tile_of = [&](int turn) { return tile_at(first + turn / (2 * TURNS_OF_HALF) * stride, rank); };
    auto row_of = [&](int turn, int k) { return (turn % (2 * TURNS_OF_HALF) * BATCH + k) * ROWS_AT_ONCE + own_row; };
    auto slot = [&](int place, int k, int i) { return SLOTS_AT + ((place * BATCH + k) * INPUTS + i) * SLOT_BYTES + thread * 16; };
    auto fetch = [&](int turn, int place) {
#if INPUTS > 0
        constexpr i64 strides[] = X_STRIDES;
        const Tile tile = tile_of(turn);
        const int column = tile.column + piece * 8;
#pragma unroll
        for (int k = 0; k < BATCH; k++)
#pragma unroll
            for (int i = 0; i < INPUTS; i++)
            {
                const int row = tile.row + row_of(turn, k);
                copy_async_16(base + slot(place, k, i), operands.x[i] + row * strides[i] + column, turn < turns && row < ROWS && column < COLUMNS);
            }
        copy_async_commit();
#endif
    };
    for (int i = 0; i < TURNS_AHEAD; i++)
        fetch(warp + i * FINISHERS, i);
    int place = 0;
#pragma unroll 1
    for (int turn = warp; turn < turns; turn += FINISHERS)
    {
        const int half = turn / TURNS_OF_HALF;
        Pack<bf16, 8> inputs[BATCH][INPUTS > 0 ? INPUTS : 1], products[BATCH][PARTS];
        float own[BATCH][ROW_INPUTS > 0 ? ROW_INPUTS : 1];
#if ROW_INPUTS > 0
#pragma unroll
        for (int k = 0; k < BATCH; k++)
#pragma unroll
            for (int i = 0; i < ROW_INPUTS; i++)
            {
                const int row = tile_of(turn).row + row_of(turn, k);
                own[k][i] = row < ROWS ? operands.of_rows[i][row] : 0;
            }
#endif
        copy_async_wait<TURNS_AHEAD - 1>();
#pragma unroll
        for (int k = 0; k < BATCH; k++)
#pragma unroll
            for (int i = 0; i < INPUTS; i++)
                inputs[k][i] = load_pack<8>(reinterpret_cast<const bf16*>(shared + slot(place, k, i)));

        if (turn - FINISHERS < half * TURNS_OF_HALF)
            phase_wait(base + DONE_AT + half % 2 * 8, half / 2 % 2);
#pragma unroll
        for (int k = 0; k < BATCH; k++)
#pragma unroll
            for (int part = 0; part < PARTS; part++)
            {
                const int row = row_of(turn, k), box = part * (PART_COLUMNS / 64) + piece / 8;
                products[k][part] = load_pack<8>(reinterpret_cast<const bf16*>(shared + RESULTS_AT + box * BOX_BYTES + piece_place(row, piece % 8)));
            }
        if (turn + FINISHERS >= (half + 1) * TURNS_OF_HALF)
        {
            warp_barrier();
            if (lane == 0)
                phase_arrive(base + TAKEN_AT + half % 2 * 8);
        }

        const Tile tile = tile_of(turn);
        const int column = tile.column + piece * 8;
        [[maybe_unused]] float sums[BATCH];
#pragma unroll
        for (int k = 0; k < BATCH; k++)
        {
            const int row = tile.row + row_of(turn, k);
            sums[k] = finish(operands.results, inputs[k], products[k], own[k], row, column, row < ROWS && column < COLUMNS);
        }
#if SUMMED
        const float sum = warp_sums(sums);
        const int row = tile.row + row_of(turn, lane / (32 / BATCH));
        if (lane % (32 / BATCH) == 0 && row < ROWS)
            operands.sums[(i64)row * TILES_ACROSS + tile.column / PART_COLUMNS] = sum;
#endif

        // Only the thread itself reads its slots, and it has.
        fetch(turn + TURNS_AHEAD * FINISHERS, place);
        place = place + 1 == TURNS_AHEAD ? 0 : place + 1;
    }
    copy_async_wait<0>();
}

extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(THREADS, 1) product_hopper(const __grid_constant__ Operands operands)
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
        for (int i = 0; i < GROUPS; i++)
        {
            phase_init(base + DONE_AT + i * 8, 4);
            phase_init(base + TAKEN_AT + i * 8, FINISHERS);
        }
        publish_barriers();
    }
    cluster_barrier();
    if (threadIdx.x < GROUPS * 128)
        multiply_all(shared);
    else if (threadIdx.x < THREADS - 32)
        finish_all(shared, operands);
    else if (threadIdx.x == THREADS - 32)
        load_all(base, operands);
    warp_barrier();
    cluster_barrier();
}
