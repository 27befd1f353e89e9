// dq on tensor cores: a block takes 64 consecutive queries of a head, 16 for each warp, and goes over the tiles of keys
// that they see, where weights are computed again from the scores and the log-sum-exp:
// p = exp(s - lse), ds = p (do vT - delta), dq = ds k / sqrt(f), turned back; delta = rowsum(do o).
//
// It runs before the kernel for dk and dv and leaves what that one needs of the queries, in scratch memory [BATCH,
// HEADS, TILES * 64, ...]: turned_q with the factor log2(e) / sqrt(f), upstream if its rows can't be copied by 16 bytes,
// and moments (log2(e) lse, delta); and for all heads [BATCH, TILES * 64] the slots that take a gradient from each
// query, [BATCH, TILES] those of whole tiles, where nothing is for all if a query gives no gradient. Queries that don't
// exist or see nothing have an infinite lse, so that all their weights are 0.

#define WARPS 4
#define THREADS (WARPS * 32)

struct Moments
{
    float log_sum, delta;
};

__device__ __forceinline__ void load_stage(u32 stage, const bf16* k, const bf16* v, const bf16* past, int slot)
{
    for (int i = threadIdx.x; i < TILE * PIECES; i += THREADS)
    {
        int row = slot + i / PIECES, column = i % PIECES * 8;
        bool exists = row < STREAM;
        row = exists ? row : 0;
        u32 to = stage + i / PIECES * ROW_BYTES + column * 2;
        copy_async_16(to, k + (i64)row * HEAD_WIDTH + column, exists);
        const bf16* value = row < PAST ? past + (i64)row * VP_ROW : v + (i64)(row - PAST) * V_ROW;
        copy_async_16(to + TILE_BYTES, value + column, exists);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) attention_query_gradient(
    const Q_TYPE* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const O_TYPE* __restrict__ o, const LSE_TYPE* __restrict__ lse, const DO_TYPE* __restrict__ upstream, DQ_TYPE* __restrict__ dq,
    bf16* __restrict__ turned_q, bf16* __restrict__ packed_upstream, Moments* __restrict__ moments, Range* __restrict__ ranges, Sight* __restrict__ sights)
{
    DYNAMIC_SHARED(shared);
    bf16* queries = reinterpret_cast<bf16*>(shared);
    bf16* upstreams = queries + TILE * PITCH;
    unsigned char* ring = shared + 2 * TILE_BYTES;
    __shared__ float products[TILE][PIECES];
    __shared__ Moments own[TILE];
    __shared__ Sight warp_sights[2][WARPS];

    const Work work = find_work();
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int pair = work.batch * HEADS + work.head, first_query = work.tile * TILE, padded = pair * TILES * TILE + first_query;
    k += (i64)pair * STREAM * HEAD_WIDTH;
    v = AT(V, v, work.batch, 0, work.head);
    past = AT(VP, past, work.batch, 0, work.head);

    // The block's queries and upstream gradients, to shared memory and for the next kernel.
    for (int i = threadIdx.x; i < TILE * PIECES; i += THREADS)
    {
        int row = i / PIECES, column = i % PIECES * 8, query = first_query + row;
        float x[8] = {}, y[8] = {}, product = 0;
        if (query < QUERIES)
        {
            float out[8];
            load_parts<Q_VECTOR>(AT(Q, q, work.batch, query, work.head) + column, x);
            load_parts<DO_VECTOR>(AT(DO, upstream, work.batch, query, work.head) + column, y);
            load_parts<O_VECTOR>(AT(O, o, work.batch, query, work.head) + column, out);
            int at = query_position(position, query);
#pragma unroll
            for (int j = 0; j < 8; j += 2)
            {
                x[j] = is_finite(x[j]) ? x[j] * (SCALE * LOG2_E) : 0.0f;
                x[j + 1] = is_finite(x[j + 1]) ? x[j + 1] * (SCALE * LOG2_E) : 0.0f;
                rotate(x[j], x[j + 1], rotation_at(at, (column + j) / 2));
                product += y[j] * out[j] + y[j + 1] * out[j + 1];
            }
        }
        products[row][column / 8] = product;
        store_parts<8>(queries + row * PITCH + column, x);
        store_parts<8>(upstreams + row * PITCH + column, y);
        store_parts<8>(turned_q + (i64)(padded + row) * HEAD_WIDTH + column, x);
#if PACK_UPSTREAM
        store_parts<8>(packed_upstream + (i64)(padded + row) * HEAD_WIDTH + column, y);
#endif
    }

    // What this thread's two rows see; and for dk and dv what each query and all of them see.
    Range range[2];
#pragma unroll
    for (int r = 0; r < 2; r++)
        range[r] = visible_slots(first, last, work.batch, first_query + warp * 16 + r * 8 + lane / 4);
    const Sight sight = join_lanes(join(sight_of(range[0]), sight_of(range[1])), 4);
    Range taking[2];
#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        int query = first_query + warp * 16 + r * 8 + lane / 4;
        taking[r] = range[r];
#if DETACH_PAST
        taking[r].from = max(taking[r].from, PAST + query / SLOTS * SLOTS);
        if (taking[r].from > taking[r].to)
            taking[r] = {FAR, -1};
#endif
        if (work.head == 0 && lane % 4 == 0)
            ranges[work.batch * TILES * TILE + query] = taking[r];
    }
    const Sight taking_sight = join_lanes(join({taking[0], taking[0]}, {taking[1], taking[1]}), 4);
    if (lane == 0)
    {
        warp_sights[0][warp] = sight;
        warp_sights[1][warp] = taking_sight;
    }
    __syncthreads();

    Sight all = warp_sights[0][0];
    for (int i = 1; i < WARPS; i++)
        all = join(all, warp_sights[0][i]);
    if (work.head == 0 && threadIdx.x == 0)
    {
        Sight total = warp_sights[1][0];
        for (int i = 1; i < WARPS; i++)
            total = join(total, warp_sights[1][i]);
        sights[work.batch * TILES + work.tile] = total;
    }
    if (threadIdx.x < TILE)
    {
        int query = first_query + threadIdx.x;
        bool sees = visible_slots(first, last, work.batch, query).to >= 0;
        float delta = 0;
        for (int i = 0; i < PIECES; i++)
            delta += products[threadIdx.x][i];
        float log_sum = sees ? to_float(lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query]) * LOG2_E : INFINITY_F;
        own[threadIdx.x] = {log_sum, sees ? delta : 0.0f};
        moments[padded + threadIdx.x] = own[threadIdx.x];
    }
    __syncthreads();

    const int start = all.any.from / TILE, end = all.any.to < 0 ? start : all.any.to / TILE + 1;
    const u32 ring_address = shared_address(ring);
    for (int i = 0; i < STAGES - 1; i++)
    {
        if (start + i < end)
            load_stage(ring_address + i * 2 * TILE_BYTES, k, v, past, (start + i) * TILE);
        copy_async_commit();
    }

    const u32 queries_address = shared_address(queries + warp * 16 * PITCH) + lane_along_sum();
    const u32 upstreams_address = queries_address + TILE_BYTES;
    const Moments top = own[warp * 16 + lane / 4], bottom = own[warp * 16 + 8 + lane / 4];
    float gradient[1][HEAD_WIDTH / 8][4] = {};

    for (int tile = start, stage = 0; tile < end; tile++)
    {
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        if (tile + STAGES - 1 < end)
            load_stage(ring_address + (stage + STAGES - 1) % STAGES * 2 * TILE_BYTES, k, v, past, (tile + STAGES - 1) * TILE);
        copy_async_commit();

        const int slot = tile * TILE;
        const u32 keys = ring_address + stage * 2 * TILE_BYTES, values = keys + TILE_BYTES;
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        if (sees_none(sight, slot, slot + TILE - 1))
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
#pragma unroll
        for (int step = 0; step < STEPS; step++)
        {
            u32 a[1][4];
            load_matrix_x4(a[0], queries_address + step * 32);
            multiply_rows(p, a, keys + lane_along_result() + step * 32);
        }
#pragma unroll
        for (int step = 0; step < STEPS; step++)
        {
            u32 a[1][4];
            load_matrix_x4(a[0], upstreams_address + step * 32);
            multiply_rows(ds, a, values + lane_along_result() + step * 32);
        }
#pragma unroll
        for (int i = 0; i < TILE / 2; i++)
            ds[0][i / 4][i % 4] *= exp2_fast(p[0][i / 4][i % 4]);
        if (!sees_all(sight, slot, slot + TILE - 1))
        {
#pragma unroll
            for (int i = 0; i < TILE / 2; i++)
            {
                int n = i / 4, j = i % 4;
                ds[0][n][j] = contains(range[j / 2], slot + n * 8 + lane % 4 * 2 + j % 2) ? ds[0][n][j] : 0.0f;
            }
        }
#pragma unroll
        for (int step = 0; step < TILE / 16; step++)
        {
            u32 a[1][4];
            to_left(a[0], ds[0], step);
            multiply_columns(gradient, a, keys + lane_along_sum() + step * 16 * ROW_BYTES);
        }
    }

#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        const int j = r * 2, query = first_query + warp * 16 + r * 8 + lane / 4;
        const bool sees = range[r].to >= 0;
        const int at = sees ? query_position(position, query) : 0;
#pragma unroll
        for (int n = 0; n < HEAD_WIDTH / 8; n++)
        {
            float x = sees ? gradient[0][n][j] * SCALE : 0.0f, y = sees ? gradient[0][n][j + 1] * SCALE : 0.0f;
            rotate_back(x, y, rotation_at(at, n * 4 + lane % 4));
            gradient[0][n][j] = x;
            gradient[0][n][j + 1] = y;
        }
    }
    copy_async_wait<0>();
    __syncthreads();
    float* stage = reinterpret_cast<float*>(ring) + warp * 16 * STAGE_PITCH;
    stage_rows(stage, gradient[0]);
    warp_barrier();
    for_each_piece(stage, 16, [&](int row, int column, const float (&x)[8]) {
        int query = first_query + warp * 16 + row;
        if (query < QUERIES)
            store_parts<DQ_VECTOR>(AT(DQ, dq, work.batch, query, work.head) + column, x);
    });
}
