// o = softmax(q kT / sqrt(f)) v and the log-sum-exp on Hopper's tensor cores, for heads of width 64: an online softmax
// over tiles of keys (FlashAttention-3, arXiv 2407.08608). One block for each multiprocessor takes one item of work
// after the other: BLOCK_QUERIES consecutive queries of a head, in whatever windows they are, 64 for each warpgroup.
// One more warp loads all that they need, well ahead and also across items. Warpgroups go at their own pace, so that
// one's products run while another computes weights, and pass over tiles that none of their queries sees.
//
// keys [BATCH, HEADS, KEY_ROWS, 64] are turned and swizzled already, KEY_ROWS a multiple of 8: a tile is one piece of
// memory. Values and queries are copied from where they lie. Queries are turned here and get the factor
// log2(e) / sqrt(f), so that weights are powers of two. `next` is 0 at first.

#define THREADS (GROUPS * 128 + 128)
#define BLOCK_QUERIES (GROUPS * 64)
#define QUERY_BYTES (BLOCK_QUERIES * ROW_BYTES)
#define TILE_BYTES (TILE * ROW_BYTES)
#define STAGE_BYTES (2 * TILE_BYTES)
#define NO_SCORE -1e30f // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.
#define HEADROOM 8.0f   // The largest score counts as unchanged up to here: weights stay below 2^8.

// An item of work, two of which are in shared memory at a time.
struct Item
{
    Work work;
    int start, tiles; // First slot, and how many tiles are loaded from there; fewer than 0: no more work.
    Sight sights[GROUPS];
    Range ranges[BLOCK_QUERIES];
};

// From the block's first byte; `landed` and the others are barriers.
#define RING_AT (2 * QUERY_BYTES)
#define ITEMS_AT (RING_AT + STAGES * STAGE_BYTES)
#define LANDED_AT (ITEMS_AT + 2 * (int)sizeof(Item))
#define RELEASED_AT (LANDED_AT + STAGES * 8)
#define READY_AT (RELEASED_AT + STAGES * 8)
#define DONE_AT (READY_AT + 2 * 8)

// Copies ROWS rows of TILE's to a tile, by the lanes of a warp.
template <int ROWS, i64 STRIDE> __device__ __forceinline__ void copy_rows(u32 to, const bf16* from)
{
    const int lane = threadIdx.x % 32, piece = lane % PIECES;
    from += (i64)(lane / PIECES) * STRIDE + piece * 8;
#pragma unroll
    for (int i = 0; i < ROWS / 4; i++)
        copy_async_16(to + piece_place(lane / PIECES + i * 4, piece), from + i * 4 * STRIDE, true);
}

// Values of the slots from `slot` on, which may be of the past and of now, and not exist at the end.
__device__ __forceinline__ void copy_values(u32 to, const bf16* v, const bf16* past, int slot)
{
    if (slot + TILE <= PAST)
        copy_rows<TILE, VP_ROW>(to, past + (i64)slot * VP_ROW);
    else if (slot >= PAST && slot + TILE <= STREAM)
        copy_rows<TILE, V_ROW>(to, v + (i64)(slot - PAST) * V_ROW);
    else
        for (int i = threadIdx.x % 32; i < TILE * PIECES; i += 32)
        {
            int row = slot + i / PIECES, piece = i % PIECES;
            const bf16* value = row < PAST ? past + (i64)row * VP_ROW : v + (i64)(row - PAST) * V_ROW;
            copy_async_16(to + piece_place(i / PIECES, piece), value + piece * 8, row < STREAM);
        }
}

// Finds the next item of work and what its queries see; starts to copy the queries.
__device__ __forceinline__ void load_item(Item& item, u32 queries, const Q_TYPE* q, const int* first, const int* last, int* next)
{
    const int lane = threadIdx.x % 32;
    int index = 0;
    if (lane == 0)
        index = atomicAdd(next, 1);
    index = warp_get(index, 0);
    if (index >= BATCH * HEADS * TILES)
    {
        if (lane == 0)
            item.tiles = -1;
        return;
    }

    const Work work = work_of(index);
    const int first_query = work.tile * BLOCK_QUERIES;
    for (int i = lane; i < BLOCK_QUERIES * PIECES; i += 32)
    {
        int row = i / PIECES, piece = i % PIECES;
        bool exists = first_query + row < QUERIES;
        copy_async_16(queries + piece_place(row, piece), AT(Q, q, work.batch, exists ? first_query + row : 0, work.head) + piece * 8, exists);
    }
    Range all = {FAR, -1};
#pragma unroll
    for (int group = 0; group < GROUPS; group++)
    {
        Sight sight = {{FAR, -1}, {-1, FAR}};
#pragma unroll
        for (int i = 0; i < 64; i += 32)
        {
            Range range = visible_slots(first, last, work.batch, first_query + group * 64 + i + lane);
            item.ranges[group * 64 + i + lane] = range;
            sight = join(sight, sight_of(range));
        }
        sight = join_lanes(sight, 1);
        if (lane == 0)
            item.sights[group] = sight;
        all = {min(all.from, sight.any.from), max(all.to, sight.any.to)};
    }
    if (lane == 0)
    {
        item.work = work;
        item.start = all.from & ~7;
        item.tiles = all.to < 0 ? 0 : (all.to - item.start) / TILE + 1;
    }
}

// What the loading warp does.
__device__ __forceinline__ void load_all(
    unsigned char* shared, const Q_TYPE* q, const bf16* k, const bf16* v, const bf16* past, const int* first, const int* last, int* next)
{
    const u32 base = shared_address(shared);
    const int lane = threadIdx.x % 32;
    Item* items = reinterpret_cast<Item*>(shared + ITEMS_AT);
    Turn turn = {0, 1}, landing = {0, 0}, slot = {0, 1};
    int under_way = 0;

    // Says that what was copied first of what is under way is there.
    auto land = [&] {
        publish_writes();
        warp_barrier();
        if (lane == 0)
            phase_arrive(base + LANDED_AT + landing.place * 8);
        advance<STAGES>(landing);
        under_way--;
    };

    for (;;)
    {
        phase_wait(base + DONE_AT + slot.place * 8, slot.parity);
        Item& item = items[slot.place];
        load_item(item, base + slot.place * QUERY_BYTES, q, first, last, next);
        copy_async_commit();
        copy_async_wait<0>();
        while (under_way > 0)
            land();
        warp_barrier();
        if (lane == 0)
            phase_arrive(base + READY_AT + slot.place * 8);
        advance<2>(slot);
        if (item.tiles < 0)
            break;

        const Work work = item.work;
        const bf16* keys = k + (i64)(work.batch * HEADS + work.head) * KEY_ROWS * HEAD_WIDTH;
        const bf16* values = AT(V, v, work.batch, 0, work.head);
        const bf16* past_values = AT(VP, past, work.batch, 0, work.head);
        for (int tile = 0; tile < item.tiles; tile++)
        {
            const int start = item.start + tile * TILE;
            const u32 stage = base + RING_AT + turn.place * STAGE_BYTES;
            phase_wait(base + RELEASED_AT + turn.place * 8, turn.parity);
            if (lane == 0)
            {
                u32 bytes = min(TILE, KEY_ROWS - start) * ROW_BYTES, landed = base + LANDED_AT + turn.place * 8;
                phase_arrive_expecting(landed, bytes);
                copy_bulk(stage, keys + (i64)start * HEAD_WIDTH, bytes, landed);
            }
            copy_values(stage + TILE_BYTES, values, past_values, start);
            copy_async_commit();
            advance<STAGES>(turn);
            if (++under_way == 2)
            {
                copy_async_wait<1>();
                land();
            }
        }
    }
}

// A value that is not finite spoils all queries of a warpgroup that meets it, also those that may not see it: 0 * NaN is
// NaN. Such rows are computed once more from the slots that they see. The warp works together.
__device__ __forceinline__ void repair_row(O_TYPE* o, const unsigned char* queries, int row, const bf16* k, const bf16* v, const bf16* past, Range range, float log_sum)
{
    int lane = threadIdx.x % 32;
    float sums[2] = {};
    for (int start = range.from; start <= range.to; start += 32)
    {
        int own = min(start + lane, range.to);
        float score = 0;
        for (int piece = 0; piece < PIECES; piece++)
        {
            float x[8], y[8];
            load_floats(reinterpret_cast<const bf16*>(queries + piece_place(row, piece)), x);
            load_floats(k + piece_place(own, piece) / 2, y);
            for (int i = 0; i < 8; i++)
                score += x[i] * y[i];
        }
        float weight = exp2_fast(score - log_sum);
        for (int i = 0; i < min(32, range.to - start + 1); i++)
        {
            int slot = start + i;
            const bf16* value = slot < PAST ? past + (i64)slot * VP_ROW : v + (i64)(slot - PAST) * V_ROW;
            float factor = warp_get(weight, i);
            sums[0] += factor * to_float(value[lane]);
            sums[1] += factor * to_float(value[lane + 32]);
        }
    }
    o[lane] = from_float<O_TYPE>(sums[0]);
    o[lane + 32] = from_float<O_TYPE>(sums[1]);
}

// Turns and scales a warpgroup's queries where they lie.
__device__ __forceinline__ void turn_queries(unsigned char* queries, const int* position, int first_query)
{
#pragma unroll
    for (int i = threadIdx.x % 128; i < 64 * PIECES; i += 128)
    {
        const int row = i / PIECES, piece = i % PIECES;
        bf16* place = reinterpret_cast<bf16*>(queries + piece_place(row, piece));
        int at = first_query + row < QUERIES ? query_position(position, first_query + row) : 0;
        float x[8];
        load_floats(place, x);
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            rotate(x[j], x[j + 1], rotation_at(at, piece * 4 + j / 2));
            x[j] *= SCALE * LOG2_E;
            x[j + 1] *= SCALE * LOG2_E;
        }
        store_floats(place, x);
    }
}

// What a computing warpgroup does.
__device__ __forceinline__ void attend(
    unsigned char* shared, const bf16* k, const bf16* v, const bf16* past, const int* position, O_TYPE* o, LSE_TYPE* lse)
{
    const u32 base = shared_address(shared);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = warp / 4;
    Turn turn = {0, 0};
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        unsigned char* queries = shared + slot.place * QUERY_BYTES + group * 64 * ROW_BYTES;
        const u32 queries_address = shared_address(queries);
        phase_wait(base + READY_AT + slot.place * 8, slot.parity);
        if (item.tiles < 0)
            break;
        turn_queries(queries, position, item.work.tile * BLOCK_QUERIES + group * 64);
        publish_writes();
        group_barrier(1 + group, 128);

        // The tiles that the warpgroup sees.
        const Range any = item.sights[group].any;
        const int begin = any.to < 0 ? 0 : (any.from - item.start) / TILE, end = any.to < 0 ? 0 : (any.to - item.start) / TILE + 1;
        float x[TILE / 2], out[32] = {}, largest[2] = {NO_SCORE, NO_SCORE}, sum[2] = {}, shrink[2];
        u32 weights[TILE / 16][4];

        auto wait_landed = [&] { phase_wait(base + LANDED_AT + turn.place * 8, turn.parity); };
        auto release = [&](int place) {
            if (lane == 0)
                phase_arrive(base + RELEASED_AT + place * 8);
        };
        auto multiply = [&] {
            multiply_heads(x, queries_address, base + RING_AT + turn.place * STAGE_BYTES);
            commit_products();
        };
        auto add_values = [&](int place) {
            add_weighted_rows(out, weights, base + RING_AT + place * STAGE_BYTES + TILE_BYTES);
            commit_products();
        };

        // Scores to weights, relative to the largest score; whether that has grown, by 1 / shrink.
        auto weigh = [&](int tile) -> bool {
            const int from = item.start + tile * TILE;
            if (!sees_all(item.sights[group], from, from + TILE - 1))
            {
                const Range* ranges = item.ranges + warp * 16 + lane / 4;
                const Range range[2] = {ranges[0], ranges[8]};
#pragma unroll
                for (int i = 0; i < TILE / 2; i++)
                    x[i] = contains(range[i / 2 % 2], from + i / 4 * 8 + lane % 4 * 2 + i % 2) ? x[i] : -INFINITY_F;
            }
            float top[2] = {largest[0], largest[1]};
#pragma unroll
            for (int i = 0; i < TILE / 2; i++)
                top[i / 2 % 2] = fmaxf(top[i / 2 % 2], x[i]);
#pragma unroll
            for (int r = 0; r < 2; r++)
            {
                top[r] = fmaxf(top[r], warp_xor(top[r], 1));
                top[r] = fmaxf(top[r], warp_xor(top[r], 2));
            }
            const bool grown = warp_ballot(top[0] > largest[0] + HEADROOM || top[1] > largest[1] + HEADROOM) != 0;
            if (grown)
            {
#pragma unroll
                for (int r = 0; r < 2; r++)
                {
                    shrink[r] = exp2_fast(largest[r] - top[r]);
                    largest[r] = top[r];
                    sum[r] *= shrink[r];
                }
            }
#pragma unroll
            for (int i = 0; i < TILE / 2; i += 2)
            {
                x[i] = exp2_fast(x[i] - largest[i / 2 % 2]);
                x[i + 1] = exp2_fast(x[i + 1] - largest[i / 2 % 2]);
                sum[i / 2 % 2] += x[i] + x[i + 1];
            }
            return grown;
        };
        auto pass_over = [&](int tiles) {
            for (int i = 0; i < tiles; i++)
            {
                wait_landed();
                release(turn.place);
                advance<STAGES>(turn);
            }
        };

        pass_over(begin);
        if (begin < end)
        {
            wait_landed();
            begin_products();
            multiply();
            wait_products<0>(x);
            weigh(begin);
            to_weights(weights, x);
            for (int tile = begin + 1; tile < end; tile++)
            {
                const int before = turn.place;
                advance<STAGES>(turn);
                wait_landed();
                begin_products();
                multiply();
                add_values(before);
                wait_products<1>(x);
                const bool grown = weigh(tile);
                wait_products<0>(out);
                release(before);
                if (grown)
                {
#pragma unroll
                    for (int i = 0; i < 32; i++)
                        out[i] *= shrink[i / 2 % 2];
                }
                to_weights(weights, x);
            }
            begin_products();
            add_values(turn.place);
            wait_products<0>(out);
            release(turn.place);
            advance<STAGES>(turn);
        }
        pass_over(item.tiles - end);

        const Work work = item.work;
        const int first_query = work.tile * BLOCK_QUERIES + warp * 16;
        u32 broken = 0; // rows, a bit each
#pragma unroll
        for (int r = 0; r < 2; r++)
        {
            const int query = first_query + r * 8 + lane / 4;
            float total = sum[r];
            total += warp_xor(total, 1);
            total += warp_xor(total, 2);
            const bool sees = item.ranges[warp * 16 + r * 8 + lane / 4].to >= 0;
            const float factor = sees ? 1.0f / total : 0.0f;
            float check = 0;
#pragma unroll
            for (int i = 0; i < 32; i++)
                if (i / 2 % 2 == r)
                {
                    out[i] = sees ? out[i] * factor : 0.0f;
                    check += out[i];
                }
            sum[r] = largest[r] + __log2f(total);
            if (lane % 4 == 0 && query < QUERIES)
                lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query] = from_float<LSE_TYPE>(sees ? sum[r] * LN_2 : 0.0f);
            u32 lanes = warp_ballot(!is_finite(check));
            for (int i = 0; i < 8; i++)
                if ((lanes >> (i * 4) & 15) != 0)
                    broken |= 1u << (r * 8 + i);
        }
#pragma unroll 1
        for (u32 rest = broken; rest != 0; rest &= rest - 1)
        {
            const int row = __ffs(rest) - 1;
            const float log_sum = warp_get(row < 8 ? sum[0] : sum[1], row % 8 * 4);
            repair_row(
                AT(O, o, work.batch, first_query + row, work.head), queries, warp % 4 * 16 + row,
                k + (i64)(work.batch * HEADS + work.head) * KEY_ROWS * HEAD_WIDTH, AT(V, v, work.batch, 0, work.head), AT(VP, past, work.batch, 0, work.head),
                item.ranges[warp * 16 + row], log_sum);
        }

        // Results go out through the place of the warpgroup's queries, a row by eight neighboring lanes.
        group_barrier(1 + group, 128);
        unsigned char* stage = queries + warp % 4 * 16 * ROW_BYTES;
#pragma unroll
        for (int i = 0; i < 16; i++)
            *reinterpret_cast<u32*>(stage + piece_place(i % 2 * 8 + lane / 4, i / 2) + lane % 4 * 4) = pack_bf16(out[2 * i], out[2 * i + 1]);
        warp_barrier();
#pragma unroll
        for (int i = 0; i < 4; i++)
        {
            const int row = i * 4 + lane / 8, piece = lane % 8, query = first_query + row;
            if (query < QUERIES && (broken >> row & 1) == 0)
            {
                float y[8];
                load_floats(reinterpret_cast<const bf16*>(stage + piece_place(row, piece)), y);
                store_parts<O_VECTOR>(AT(O, o, work.batch, query, work.head) + piece * 8, y);
            }
        }
        warp_barrier();
        if (lane == 0)
            phase_arrive(base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_forward(
    const Q_TYPE* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse, int* next)
{
    DYNAMIC_SHARED(shared);
    const u32 base = shared_address(shared);
    if (threadIdx.x == 0)
    {
        for (int stage = 0; stage < STAGES; stage++)
        {
            phase_init(base + LANDED_AT + stage * 8, 2);
            phase_init(base + RELEASED_AT + stage * 8, GROUPS * 4);
        }
        for (int slot = 0; slot < 2; slot++)
        {
            phase_init(base + READY_AT + slot * 8, 1);
            phase_init(base + DONE_AT + slot * 8, GROUPS * 4);
        }
        publish_writes();
    }
    __syncthreads();
    const int warp = threadIdx.x / 32, group = warp / 4;
    if (group == GROUPS)
    {
        give_registers<LOADING_REGISTERS>();
        if (warp % 4 == 0)
            load_all(shared, q, k, v, past, first, last, next);
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        attend(shared, k, v, past, position, o, lse);
    }
}
