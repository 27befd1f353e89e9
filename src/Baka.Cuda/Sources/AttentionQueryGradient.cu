// dq on tensor cores: a block takes BLOCK_QUERIES consecutive queries of a head, 16 for each warp, and goes over the tiles
// of keys that they see, where weights are computed again from the scores and the log-sum-exp:
// p = exp(s - lse), ds = p (do vT - delta), dq = ds k / sqrt(f), turned back; delta = rowsum(do o).
//
// It runs before the kernel for dk and dv and leaves what that one needs of the queries, in scratch memory [BATCH,
// HEADS, TILES * BLOCK_QUERIES, ...]: turned_q with the factor log2(e) / sqrt(f), upstream where PACK_UPSTREAM, and moments
// (log2(e) lse, delta), as Hopper's products take them where TILED; and for all heads [BATCH, TILES * BLOCK_QUERIES] the
// slots that take a gradient from each query, and for every 64 queries those of all, where nothing is for all if a query
// gives no gradient. Queries that don't exist or see nothing have an infinite lse, so that all their weights are 0.

#define BLOCK_QUERIES (WARPS * 16)

// Places of a query's vectors and log-sum among those of a head, in elements.
#if TILED
#define LEFT_WIDTH STORED_WIDTH
#define LEFT_PLACE(row, column) ((row) / 64 * (64 * STORED_WIDTH) + place_in<64>((row) % 64, (column) / 8) / 2)
#define MOMENT_PLACE(row) ((row) / 64 * 128 + (row) % 64)
#define DELTA_DISTANCE 64
#else
#define LEFT_WIDTH PADDED_WIDTH
#define LEFT_PLACE(row, column) ((row) * PADDED_WIDTH + (column))
#define MOMENT_PLACE(row) ((row) * 2)
#define DELTA_DISTANCE 1
#endif

struct Moments
{
    float log_sum, delta;
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) attention_query_gradient(
    const Q_TYPE* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const Rotation* __restrict__ known, const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const O_TYPE* __restrict__ o, const LSE_TYPE* __restrict__ lse, const DO_TYPE* __restrict__ upstream, DQ_TYPE* __restrict__ dq,
    bf16* __restrict__ turned_q, bf16* __restrict__ packed_upstream, float* __restrict__ moments, Range* __restrict__ ranges, Sight* __restrict__ sights)
{
    DYNAMIC_SHARED(shared);
    unsigned char* queries = first_tile(shared);
    unsigned char* upstreams = queries + BLOCK_QUERIES / TILE * TILE_BYTES;
    unsigned char* ring = upstreams + BLOCK_QUERIES / TILE * TILE_BYTES;
    __shared__ float products[BLOCK_QUERIES][PIECES];
    __shared__ Moments own[BLOCK_QUERIES];
    __shared__ Sight warp_sights[WARPS], taking_sights[WARPS];

    const Work work = find_work();
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int pair = work.batch * HEADS + work.head, first_query = work.tile * BLOCK_QUERIES, padded = pair * TILES * BLOCK_QUERIES + first_query;
    k += KEYS_OF(work.batch, work.head) * STREAM * PADDED_WIDTH;
    v = AT(V, v, work.batch, 0, work.head);
    past = AT(VP, past, work.batch, 0, work.head);

    // What this thread's two rows see, and what takes a gradient from them.
    Range range[2];
    Sight sight = NO_SIGHT, taking_sight = NO_SIGHT;
#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        const int query = first_query + warp * 16 + r * 8 + lane / 4;
        range[r] = visible_slots(first, last, work.batch, query);
        sight = join(sight, sight_of(range[r]));
        const Range taking = taking_slots(range[r], query);
        if (work.head == 0 && lane % 4 == 0)
            ranges[work.batch * TILES * BLOCK_QUERIES + query] = taking;
        taking_sight = join(taking_sight, {taking, taking});
    }
    sight = join_lanes(sight, 4);
    taking_sight = join_lanes(taking_sight, 4);
    if (lane == 0)
    {
        warp_sights[warp] = sight;
        taking_sights[warp] = taking_sight;
    }
    __syncthreads();

    Sight all = NO_SIGHT, group = NO_SIGHT;
    for (int i = 0; i < WARPS; i++)
    {
        all = join(all, warp_sights[i]);
        if (i / GROUP_WARPS == warp / GROUP_WARPS)
            group = join(group, warp_sights[i]);
    }
    if (work.head == 0 && threadIdx.x < WARPS / 4)
    {
        Sight total = NO_SIGHT;
        for (int i = 0; i < 4; i++)
            total = join(total, taking_sights[threadIdx.x * 4 + i]);
        sights[(work.batch * TILES + work.tile) * (WARPS / 4) + threadIdx.x] = total;
    }

    // The first keys are on their way while the queries are turned. Outputs lie where the last of the ring's tiles will.
    const int start = all.any.from / TILE, end = all.any.to < 0 ? start : all.any.to / TILE + 1;
    const u32 ring_address = shared_address(ring);
    unsigned char* outputs = ring + (STAGES - 1) * 2 * TILE_BYTES;
    constexpr bool copied = sizeof(DO_TYPE) == 2 && sizeof(O_TYPE) == 2;
    for_own_pieces<BLOCK_QUERIES>([&](int, int row, int column) {
        const int query = first_query + row;
        copy_piece<Q_VECTOR>(shared_address(queries) + place(row, column), AT(Q, q, work.batch, query, work.head) + column, column, query < QUERIES);
        if constexpr (copied)
        {
            copy_piece<DO_VECTOR>(shared_address(upstreams) + place(row, column), AT(DO, upstream, work.batch, query, work.head) + column, column, query < QUERIES);
            copy_piece<O_VECTOR>(shared_address(outputs) + place(row, column), AT(O, o, work.batch, query, work.head) + column, column, query < QUERIES);
        }
    });
    copy_async_commit();
    for (int i = 0; i < STAGES - 1; i++)
    {
        if (start + i < end)
            load_slots(ring_address + i * 2 * TILE_BYTES, k, v, past, (start + i) * TILE);
        copy_async_commit();
    }

    // The block's queries and upstream gradients, to shared memory and for the next kernel.
    Rotation by[PIECES_OF_THREAD(BLOCK_QUERIES)][4];
    for_own_pieces<BLOCK_QUERIES>([&](int j, int row, int column) {
        load_rotations(by[j], known, query_position(position, min(first_query + row, QUERIES - 1)), column / 2);
    });
    copy_async_wait<STAGES - 1>();
    for_own_pieces<BLOCK_QUERIES>([&](int piece, int row, int column) {
        const int query = first_query + row;
        bf16 *own_query = reinterpret_cast<bf16*>(queries + place(row, column)), *own_upstream = reinterpret_cast<bf16*>(upstreams + place(row, column));
        float x[8], y[8] = {}, out[8] = {}, product = 0;
        load_floats(own_query, x);
        if constexpr (copied)
        {
            load_floats(own_upstream, y);
            load_floats(reinterpret_cast<const bf16*>(outputs + place(row, column)), out);
        }
        else if (query < QUERIES)
        {
            load_columns<DO_VECTOR>(AT(DO, upstream, work.batch, query, work.head) + column, column, y);
            load_columns<O_VECTOR>(AT(O, o, work.batch, query, work.head) + column, column, out);
        }
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            x[j] = is_finite(x[j]) ? x[j] * (SCALE * LOG2_E) : 0.0f;
            x[j + 1] = is_finite(x[j + 1]) ? x[j + 1] * (SCALE * LOG2_E) : 0.0f;
            rotate(x[j], x[j + 1], by[piece][j / 2]);

            // Rounded as in do vT, from which delta is subtracted.
            y[j] = to_float(from_float<bf16>(y[j]));
            y[j + 1] = to_float(from_float<bf16>(y[j + 1]));
            product += y[j] * out[j] + y[j + 1] * out[j + 1];
        }
        products[row][column / 8] = product;
        store_floats(own_query, x);
        if constexpr (!copied)
            store_floats(own_upstream, y);
        store_whole(turned_q + (i64)padded * LEFT_WIDTH + LEFT_PLACE(row, column), x);
#if PACK_UPSTREAM
        // What the upstream gradient of a query that gives none holds must not matter for keys.
        if (taking_slots(visible_slots(first, last, work.batch, query), query).to < 0)
        {
#pragma unroll
            for (int j = 0; j < 8; j++)
                y[j] = 0;
        }
        store_whole(packed_upstream + (i64)padded * LEFT_WIDTH + LEFT_PLACE(row, column), y);
#endif
    });
    __syncthreads();
    if (threadIdx.x < BLOCK_QUERIES)
    {
        int query = first_query + threadIdx.x;
        bool sees = visible_slots(first, last, work.batch, query).to >= 0;
        float delta = 0;
        for (int i = 0; i < PIECES; i++)
            delta += products[threadIdx.x][i];
        float log_sum = sees ? to_float(lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query]) * LOG2_E : INFINITY_F;
        own[threadIdx.x] = {log_sum, sees ? delta : 0.0f};
        moments[padded * 2 + MOMENT_PLACE(threadIdx.x)] = own[threadIdx.x].log_sum;
        moments[padded * 2 + MOMENT_PLACE(threadIdx.x) + DELTA_DISTANCE] = own[threadIdx.x].delta;
    }
    __syncthreads();

    const u32 left_queries = left_operand<1>(shared_address(queries)), left_upstreams = left_operand<1>(shared_address(upstreams));
    const Moments top = own[warp * 16 + lane / 4], bottom = own[warp * 16 + 8 + lane / 4];
    float gradient[1][COLUMNS][4] = {};

    for (int tile = start, stage = 0; tile < end; tile++)
    {
        copy_async_wait<STAGES - 2>();
        publish_tiles();
        __syncthreads();
        if (tile + STAGES - 1 < end)
            load_slots(ring_address + (stage + STAGES - 1) % STAGES * 2 * TILE_BYTES, k, v, past, (tile + STAGES - 1) * TILE);
        copy_async_commit();

        const int slot = tile * TILE;
        const u32 keys = ring_address + stage * 2 * TILE_BYTES, values = keys + TILE_BYTES;
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        if (sees_none(group, slot, slot + TILE - 1))
            continue;

        // Sums that begin with -lse and -delta need no subtraction afterwards.
        float p[1][TILE / 8][4], ds[1][TILE / 8][4];
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
        {
            p[0][n][0] = p[0][n][1] = -top.log_sum;
            p[0][n][2] = p[0][n][3] = -bottom.log_sum;
            ds[0][n][0] = ds[0][n][1] = -top.delta;
            ds[0][n][2] = ds[0][n][3] = -bottom.delta;
        }
        settle(p);
        settle(ds);
        multiply_rows<true>(p, left_queries, keys);
        multiply_rows<true>(ds, left_upstreams, values);
        wait_for_sums<1>(p);
#pragma unroll
        for (int i = 0; i < TILE / 2; i++)
            p[0][i / 4][i % 4] = exp2_fast(p[0][i / 4][i % 4]);
        wait_for_sums<0>(ds);
#pragma unroll
        for (int i = 0; i < TILE / 2; i++)
            ds[0][i / 4][i % 4] *= p[0][i / 4][i % 4];
        if (!sees_all(sight, slot, slot + TILE - 1))
        {
#pragma unroll
            for (int i = 0; i < TILE / 2; i++)
            {
                int n = i / 4, j = i % 4;
                ds[0][n][j] = contains(range[j / 2], slot + n * 8 + lane % 4 * 2 + j % 2) ? ds[0][n][j] : 0.0f;
            }
        }
        u32 left_ds[1][TILE / 16][4];
        to_left(left_ds, ds);
        multiply_columns(gradient, left_ds, keys);
        wait_for_sums<0>(gradient);
    }

#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        const int j = r * 2, query = first_query + warp * 16 + r * 8 + lane / 4;
        const bool sees = range[r].to >= 0;
        const int at = sees ? query_position(position, query) : 0;
#pragma unroll
        for (int n = 0; n < COLUMNS; n++)
        {
            float x = sees ? gradient[0][n][j] * SCALE : 0.0f, y = sees ? gradient[0][n][j + 1] * SCALE : 0.0f;
            Rotation by[1];
            load_rotations(by, known, at, n * 4 + lane % 4);
            rotate_back(x, y, by[0]);
            gradient[0][n][j] = x;
            gradient[0][n][j + 1] = y;
        }
    }
    copy_async_wait<0>();
    __syncthreads();
    float* stage = reinterpret_cast<float*>(queries) + warp * 16 * STAGE_PITCH;
    stage_rows(stage, gradient[0]);
    warp_barrier();
    for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
        int query = first_query + warp * 16 + row;
        if (query < QUERIES)
            store_columns<DQ_VECTOR>(AT(DQ, dq, work.batch, query, work.head) + column, column, x);
    });
}
