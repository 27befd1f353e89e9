// dq on Hopper's tensor cores, for heads of width 64: weights are computed again from the scores and the log-sum-exp,
// p = exp(s - lse), ds = p (do vT - delta), dq = ds k / sqrt(f), turned back; delta = rowsum(do o).
//
// It runs before the kernel for dk and dv and leaves what that one needs of the queries, in scratch memory by tiles of 64,
// GROUPS for each item: turned_q with the factor log2(e) / sqrt(f) and packed_upstream, both [BATCH, HEADS, rows, 64] and
// swizzled; moments [BATCH, HEADS, tiles, 2, 64], log2(e) lse and delta; and for all heads ranges [BATCH, rows], the slots
// that take a gradient from each query, and sights [BATCH, tiles], where nothing is for all if a query gives no gradient.
// Queries that don't exist or see nothing have an infinite lse, so that all their weights are 0. `next` is 0 at first.

#define QUERY_TILES (TILES * GROUPS)
#define MOMENTS_AT FREE_AT // Of each warpgroup's queries, by rows.

struct Moments
{
    float log_sum, delta;
};

// The slots that take a gradient from a query.
__device__ __forceinline__ Range taking_slots(Range sees, int query)
{
#if DETACH_PAST
    sees.from = max(sees.from, PAST + query / SLOTS * SLOTS);
#endif
    return sees.from <= sees.to ? sees : Range{FAR, -1};
}

// What the kernel for dk and dv wants to know of an item's queries, by the loading warp.
__device__ __forceinline__ void leave_sights(const Item& item, Work work, Range* ranges, Sight* sights)
{
    const int lane = threadIdx.x % 32;
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

// Turns and scales a warpgroup's queries where they lie, finds the moments, and leaves all of it for the next kernel.
__device__ __forceinline__ void prepare_queries(
    unsigned char* shared_queries, Moments* own, const Item& item, int group, const int* position, const LSE_TYPE* lse,
    bf16* turned_q, bf16* packed_upstream, float* moments)
{
    const Work work = item.work;
    const int first_row = group * 64, first_query = work.tile * BLOCK_QUERIES + first_row;
    const i64 tile = (i64)(work.batch * HEADS + work.head) * QUERY_TILES + work.tile * GROUPS + group;
    turned_q += tile * 64 * HEAD_WIDTH;
    packed_upstream += tile * 64 * HEAD_WIDTH;
    moments += tile * 2 * 64;
    unsigned char *upstreams = shared_queries + 64 * ROW_BYTES, *outputs = upstreams + 64 * ROW_BYTES;
#pragma unroll
    for (int i = threadIdx.x % 128; i < 64 * PIECES; i += 128)
    {
        const int row = i / PIECES, piece = i % PIECES, query = first_query + row;
        const u32 place = piece_place(row, piece);
        const Range sees = item.ranges[first_row + row];
        const int at = query < QUERIES ? query_position(position, query) : 0;
        float x[8], y[8], out[8], delta = 0;
        load_floats(reinterpret_cast<const bf16*>(shared_queries + place), x);
        load_floats(reinterpret_cast<const bf16*>(upstreams + place), y);
        load_floats(reinterpret_cast<const bf16*>(outputs + place), out);
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            x[j] = is_finite(x[j]) ? x[j] * (SCALE * LOG2_E) : 0.0f;
            x[j + 1] = is_finite(x[j + 1]) ? x[j + 1] * (SCALE * LOG2_E) : 0.0f;
            rotate(x[j], x[j + 1], rotation_at(at, piece * 4 + j / 2));
            delta += y[j] * out[j] + y[j + 1] * out[j + 1];
        }
        store_floats(reinterpret_cast<bf16*>(shared_queries + place), x);
        store_floats(turned_q + place / 2, x);

        // What the upstream gradient of a query that gives none holds must not matter for keys.
        if (taking_slots(sees, query).to < 0)
        {
#pragma unroll
            for (int j = 0; j < 8; j++)
                y[j] = 0;
        }
        store_floats(packed_upstream + place / 2, y);
#pragma unroll
        for (int mask = 1; mask < PIECES; mask *= 2)
            delta += warp_xor(delta, mask);
        if (piece == 0)
        {
            Moments x = {INFINITY_F, 0};
            if (sees.to >= 0)
                x = {to_float(lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query]) * LOG2_E, delta};
            own[row] = x;
            moments[row] = x.log_sum;
            moments[64 + row] = x.delta;
        }
    }
}

// What a computing warpgroup does.
__device__ __forceinline__ void find_gradients(
    unsigned char* shared, const int* position, const LSE_TYPE* lse, DQ_TYPE* dq, bf16* turned_q, bf16* packed_upstream, float* moments)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = uniform((int)threadIdx.x / 128);
    Ring ring = {shared_address(shared), {0, 0}};
    Moments* own = reinterpret_cast<Moments*>(shared + MOMENTS_AT) + group * 64;
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        unsigned char* vectors = shared + slot.place * SLOT_BYTES + group * GROUP_BYTES;
        const u32 queries = ring.base + slot.place * SLOT_BYTES + group * GROUP_BYTES, upstreams = queries + 64 * ROW_BYTES;
        phase_wait(ring.base + READY_AT + slot.place * 8, slot.parity);
        if (any_lane(item.index >= BATCH * HEADS * TILES))
            break;
        prepare_queries(vectors, own, item, group, position, lse, turned_q, packed_upstream, moments);
        publish_writes();
        group_barrier(1 + group, 128);

        const Moments top = own[warp % 4 * 16 + lane / 4], bottom = own[warp % 4 * 16 + 8 + lane / 4];
        float p[TILE / 2], ds[TILE / 2], gradient[32];
        u32 weights[TILE / 16][4];
        clear_products(gradient);
        const Tiles tiles = seen_tiles(item, group);
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
                const int place = ring.turn.place, from = item.start + tile * TILE;
                wait_products<2>(p);
#pragma unroll
                for (int i = 0; i < TILE / 2; i++)
                    p[i] = exp2_fast(p[i] - (i / 2 % 2 == 0 ? top.log_sum : bottom.log_sum));

                // The branches also keep the assembler from moving waits up in front of what is computed meanwhile.
                const bool all = any_lane(sees_all(item.sights[group], from, from + TILE - 1));
                if (!all)
                {
                    const Range* ranges = item.ranges + warp * 16 + lane / 4;
                    const Range range[2] = {ranges[0], ranges[8]};
#pragma unroll
                    for (int i = 0; i < TILE / 2; i++)
                        p[i] = contains(range[i / 2 % 2], from + i / 4 * 8 + lane % 4 * 2 + i % 2) ? p[i] : 0.0f;
                }
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
                rotate_back(x, y, rotation_at(at, i / 4 * 4 + lane % 4));
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
                store_parts<DQ_VECTOR>(AT(DQ, dq, work.batch, first_query + row, work.head) + column, x);
        });
        warp_barrier();
        if (lane == 0)
            phase_arrive(ring.base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_query_gradient(
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const bf16* __restrict__ o, const LSE_TYPE* __restrict__ lse, const bf16* __restrict__ upstream, DQ_TYPE* __restrict__ dq,
    bf16* __restrict__ turned_q, bf16* __restrict__ packed_upstream, float* __restrict__ moments, Range* __restrict__ ranges, Sight* __restrict__ sights,
    int* next)
{
    DYNAMIC_SHARED(shared);
    if (threadIdx.x == 0)
        init_barriers(shared_address(shared));
    __syncthreads();
    if (threadIdx.x / 128 == GROUPS)
    {
        give_registers<LOADING_REGISTERS>();
        load_all(
            shared, k, v, past, first, last, next,
            [&](Work work, u32 to) {
                for (int i = threadIdx.x % 128; i < BLOCK_QUERIES * PIECES; i += LOADERS * 32)
                {
                    const int row = i / PIECES, column = i % PIECES * 8, query = work.tile * BLOCK_QUERIES + row;
                    const u32 place = to + row / 64 * GROUP_BYTES + piece_place(row % 64, i % PIECES);
                    copy_async_16(place, AT(Q, q, work.batch, query, work.head) + column, query < QUERIES);
                    copy_async_16(place + 64 * ROW_BYTES, AT(DO, upstream, work.batch, query, work.head) + column, query < QUERIES);
                    copy_async_16(place + 2 * 64 * ROW_BYTES, AT(O, o, work.batch, query, work.head) + column, query < QUERIES);
                }
            },
            [&](const Item& item, Work work) {
                if (work.head == 0)
                    leave_sights(item, work, ranges, sights);
            });
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        find_gradients(shared, position, lse, dq, turned_q, packed_upstream, moments);
    }
}
