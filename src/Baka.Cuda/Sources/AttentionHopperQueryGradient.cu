// dq on Hopper's tensor cores, for heads of width 64: weights are computed again from the scores and the log-sum-exp,
// p = exp(s - lse), ds = p (do vT - delta), dq = ds k / sqrt(f), turned back; delta = rowsum(do o).
//
// It runs before the kernel for dk and dv and leaves what that one needs of the queries, in scratch memory by tiles of 64,
// GROUPS for each item: turned_q with the factor log2(e) / sqrt(f) and packed_upstream, both [BATCH, HEADS, rows, 64] and
// swizzled; moments [BATCH, HEADS, tiles, 2, 64], log2(e) lse and delta; and for all heads ranges [BATCH, rows], the slots
// that take a gradient from each query, and sights [BATCH, tiles], where nothing is for all if a query gives no gradient.
// Queries that don't exist or see nothing have an infinite lse, so that all their weights are 0. `next` is 0 at first.

#define QUERY_TILES (TILES * GROUPS)
#define OUTPUTS_AT FREE_AT
#define MOMENTS_AT (OUTPUTS_AT + BLOCK_QUERIES * ROW_BYTES) // Of the queries of two items.

struct Moments
{
    float log_sum, delta;
};

// What the kernel for dk and dv wants to know of an item's queries, by one warp.
__device__ __forceinline__ void leave_sights(const Item& item, Range* ranges, Sight* sights)
{
    const int lane = threadIdx.x % 32;
    const Work work = item.work;
    for (int group = 0; group < GROUPS; group++)
    {
        const int tile = work.batch * QUERY_TILES + work.tile * GROUPS + group;
        Sight sight = {{FAR, -1}, {-1, FAR}};
        for (int row = lane; row < 64; row += 32)
        {
            Range range = taking_slots(item.ranges[group * 64 + row], work.tile * BLOCK_QUERIES + group * 64 + row);
            ranges[tile * 64 + row] = range;
            sight = join(sight, {range, range});
        }
        sight = join_lanes(sight, 1);
        if (lane == 0)
            sights[tile] = sight;
    }
}

// Copies this thread's part of an item's queries and upstream gradients to their place, turns and scales the queries there
// and finds their moments, for the warpgroups and for the next kernel. `outputs` is for this thread's part of o.
__device__ __forceinline__ void prepare_queries(
    unsigned char* vectors, unsigned char* outputs, Moments* own, const Item& item, int thread, const bf16* q, const bf16* o, const bf16* upstream,
    const int* position, const Rotation* known, const LSE_TYPE* lse, bf16* turned_q, bf16* packed_upstream, float* moments)
{
    const Work work = item.work;
    const int piece = thread % PIECES;
    const i64 tile = (i64)(work.batch * HEADS + work.head) * QUERY_TILES + work.tile * GROUPS;
    turned_q += tile * 64 * HEAD_WIDTH;
    packed_upstream += tile * 64 * HEAD_WIDTH;
    moments += tile * 2 * 64;
    q = AT(Q, q, work.batch, 0, work.head) + piece * 8;
    upstream = AT(DO, upstream, work.batch, 0, work.head) + piece * 8;
    o = AT(O, o, work.batch, 0, work.head) + piece * 8;
    lse += (i64)work.batch * LSE_BATCH + work.head * LSE_HEAD;
    auto place_of = [&](u32 row) { return row / 64 * GROUP_BYTES + piece_place(row % 64, piece); };
    for_each_row(work, thread, [&](u32 row, u32 query) {
        const u32 place = shared_address(vectors) + place_of(row);
        copy_async_16(place, q + query * (u64)Q_ROW, true);
        copy_async_16(place + 64 * ROW_BYTES, upstream + query * (u64)DO_ROW, true);
        copy_async_16(shared_address(outputs) + piece_place(row, piece), o + query * (u64)O_ROW, true);
    });
    copy_async_commit();
    copy_async_wait<0>();
    Rotation by[4][4];
    float log_sums[4];
    auto load = [&](int i, u32 query) {
        load_rotations(by[i], known, query_position(position, query), piece * 4);
        log_sums[i] = to_float(lse[query]) * LOG2_E;
    };
    for_each_loaded_row(work, thread, load, [&](int i, u32 row, u32) {
        const Range sees = item.ranges[row];
        bf16 *place = reinterpret_cast<bf16*>(vectors + place_of(row)), *upstream_place = place + 64 * HEAD_WIDTH;
        float x[8], y[8], out[8], delta = 0;
        load_floats(place, x);
        load_floats(upstream_place, y);
        load_floats(reinterpret_cast<const bf16*>(outputs + piece_place(row, piece)), out);
        if (!is_finite(((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))))
        {
            asm volatile(""); // or compilers would do this always, and drop it
#pragma unroll
            for (int j = 0; j < 8; j++)
                x[j] = is_finite(x[j]) ? x[j] : 0.0f;
        }
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            x[j] *= SCALE * LOG2_E;
            x[j + 1] *= SCALE * LOG2_E;
            rotate(x[j], x[j + 1], by[i][j / 2]);
            delta += y[j] * out[j] + y[j + 1] * out[j + 1];
        }
        store_floats(place, x);
        const u32 left = row / 64 * 64 * HEAD_WIDTH + piece_place(row % 64, piece) / 2;
        store_whole(turned_q + left, x);

        // What the upstream gradient of a query that gives none holds must not matter for keys.
        if (taking_slots(sees, work.tile * BLOCK_QUERIES + row).to < 0)
        {
#pragma unroll
            for (int j = 0; j < 8; j++)
                y[j] = 0;
        }
        store_whole(packed_upstream + left, y);
#pragma unroll
        for (int mask = 1; mask < PIECES; mask *= 2)
            delta += warp_xor(delta, mask);
        if (piece == 0)
        {
            const Moments m = sees.to >= 0 ? Moments{log_sums[i], delta} : Moments{INFINITY_F, 0};
            own[row] = m;
            moments[row / 64 * 128 + row % 64] = m.log_sum;
            moments[row / 64 * 128 + 64 + row % 64] = m.delta;
        }
    });
}

// What a computing warpgroup does.
__device__ __forceinline__ void find_gradients(unsigned char* shared, const int* position, const Rotation* known, DQ_TYPE* dq)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = uniform((int)threadIdx.x / 128);
    Ring ring = {shared_address(shared), {0, 0}};
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        unsigned char* vectors = shared + slot.place * SLOT_BYTES + group * GROUP_BYTES;
        const u32 queries = ring.base + slot.place * SLOT_BYTES + group * GROUP_BYTES, upstreams = queries + 64 * ROW_BYTES;
        phase_wait(ring.base + READY_AT + slot.place * 8, slot.parity);
        if (any_lane(item.index >= ITEM_COUNT))
            break;

        const Moments* own = reinterpret_cast<const Moments*>(shared + MOMENTS_AT) + slot.place * BLOCK_QUERIES + warp * 16 + lane / 4;
        const Moments top = own[0], bottom = own[8];
        float p[TILE / 2], ds[TILE / 2], gradient[32];
        u32 weights[TILE / 16][4];
        clear_products(gradient);
        const Tiles tiles = seen_tiles(item, group), clear = clear_tiles(item);
        const int start = uniform(item.start);
        ring.pass_over(tiles.begin);
        if (tiles.begin < tiles.end)
        {
            auto multiply = [&] {
                multiply_heads(p, queries, ring.keys(ring.turn.place));
                commit_products();
                multiply_heads(ds, upstreams, ring.values(ring.turn.place));
                commit_products();
            };
            auto add_keys = [&](int place) {
                add_weighted_rows(gradient, weights, ring.keys(place));
                commit_products();
            };

            // In this order: the next tile's scores, so that they are there first; then what this tile gives.
            ring.wait_landed();
            begin_products();
            multiply();
            commit_products();
            int before = -1;
            for (int tile = tiles.begin;; tile++)
            {
                const int place = ring.turn.place;
                const bool landed = ring.next_landed();
                wait_products<2>(p);
#pragma unroll
                for (int i = 0; i < TILE / 2; i++)
                    p[i] = exp2_fast(p[i] - (i / 2 % 2 == 0 ? top.log_sum : bottom.log_sum));

                // The branches also keep the assembler from moving waits up in front of what is computed meanwhile.
                const bool all = clear.has(tile);
                if (!all)
                    hide_unseen(p, item, start + tile * TILE, 0);
                wait_products<1>(ds);
#pragma unroll
                for (int i = 0; i < TILE / 2; i++)
                    ds[i] = (ds[i] - (i / 2 % 2 == 0 ? top.delta : bottom.delta)) * p[i];
                if (!all)
                    drop_unseen(ds, p);
                wait_products<0>(gradient);
                if (before >= 0)
                    ring.release(before);
                before = place;
                to_weights(weights, ds);
                ring.advance();
                if (tile + 1 == tiles.end)
                    break;
                if (!landed)
                    ring.wait_landed();
                begin_products();
                multiply();
                add_keys(place);
            }
            begin_products();
            add_keys(before);
            wait_products<0>(gradient);
            ring.release(before);
        }
        ring.pass_over(uniform(item.tiles) - tiles.end);

        const Work work = item.work;
        const int first_query = work.tile * BLOCK_QUERIES + warp * 16;
#pragma unroll
        for (int r = 0; r < 2; r++)
        {
            const int row = r * 8 + lane / 4;
            const bool sees = item.ranges[warp * 16 + row].to >= 0;
            const int at = sees ? query_position(position, first_query + row) : 0;
#pragma unroll
            for (int i = r * 2; i < 32; i += 4)
            {
                float x = sees ? gradient[i] * SCALE : 0.0f, y = sees ? gradient[i + 1] * SCALE : 0.0f;
                Rotation by[1];
                load_rotations(by, known, at, i / 4 * 4 + lane % 4);
                rotate_back(x, y, by[0]);
                gradient[i] = x;
                gradient[i + 1] = y;
            }
        }

        // Results go out through the place of the warpgroup's vectors.
        group_barrier(1 + group, 128);
        unsigned char* stage = vectors + warp % 4 * 16 * 256;
        stage_rows(stage, gradient);
        warp_barrier();
        for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
            if (first_query + row < QUERIES)
                store_columns<DQ_VECTOR>(AT(DQ, dq, work.batch, first_query + row, work.head) + column, column, x);
        });
        warp_barrier();
        if (lane == 0)
            phase_arrive(ring.base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_query_gradient(
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const Rotation* __restrict__ known, const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const bf16* __restrict__ o, const LSE_TYPE* __restrict__ lse, const bf16* __restrict__ upstream, DQ_TYPE* __restrict__ dq,
    bf16* __restrict__ turned_q, bf16* __restrict__ packed_upstream, float* __restrict__ moments, Range* __restrict__ ranges, Sight* __restrict__ sights,
    int* next)
{
    DYNAMIC_SHARED(shared);
    know_first(shared, first, last);
    if (threadIdx.x / 128 == GROUPS)
    {
        give_registers<LOADING_REGISTERS>();
        work_ahead(
            shared, k, v, past, first, last, next,
            [&](const Item& item, int slot, int thread) {
                Moments* own = reinterpret_cast<Moments*>(shared + MOMENTS_AT) + slot * BLOCK_QUERIES;
                prepare_queries(
                    shared + slot * SLOT_BYTES, shared + OUTPUTS_AT, own, item, thread, q, o, upstream, position, known, lse, turned_q, packed_upstream, moments);
            },
            [&](const Item& item) {
                if (item.work.head == 0)
                    leave_sights(item, ranges, sights);
            });
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        find_gradients(shared, position, known, dq);
    }
}
