// o = softmax(q kT / sqrt(f)) v and the log-sum-exp on Hopper's tensor cores, for heads of width 64: an online softmax
// over tiles of keys (FlashAttention-3, arXiv 2407.08608). A block takes BLOCK_QUERIES consecutive queries of a head, in
// whatever windows they are, 64 for each warpgroup; warpgroups go at their own pace, so that one's products run while
// another computes weights, and pass over tiles that none of their queries sees.
//
// keys [BATCH, HEADS, KEY_ROWS, 64] are turned and swizzled already, KEY_ROWS a multiple of 8: a tile is one piece of
// memory. Values are copied from where they lie. Queries are turned here and get the factor log2(e) / sqrt(f), so that
// weights are powers of two.

#define THREADS (GROUPS * 128)
#define BLOCK_QUERIES (GROUPS * 64)
#define QUERY_BYTES (BLOCK_QUERIES * ROW_BYTES)
#define TILE_BYTES (TILE * ROW_BYTES)
#define RING_BYTES (STAGES * 2 * TILE_BYTES)
#define NO_SCORE -1e30f // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.
#define HEADROOM 8.0f   // The largest score counts as unchanged up to here: weights stay below 2^8.

// Starts to load keys and values of the slots from `slot` on; keys' arrival ends a phase of `landed`, values' is the
// caller's to see to.
__device__ __forceinline__ void load_tile(u32 to, u32 landed, const bf16* k, const bf16* v, const bf16* past, int slot)
{
    if (threadIdx.x == 0)
    {
        u32 bytes = min(TILE, KEY_ROWS - slot) * ROW_BYTES;
        phase_arrive_expecting(landed, bytes);
        copy_bulk(to, k + (i64)slot * HEAD_WIDTH, bytes, landed);
    }
#pragma unroll
    for (int i = 0; i < TILE * PIECES; i += THREADS)
    {
        int row = (i + threadIdx.x) / PIECES, piece = threadIdx.x % PIECES;
        const bf16* value = slot + row < PAST ? past + (i64)(slot + row) * VP_ROW : v + (i64)(slot + row - PAST) * V_ROW;
        if (TILE * PIECES % THREADS == 0 || i + threadIdx.x < TILE * PIECES)
            copy_async_16(to + TILE_BYTES + piece_place(row, piece), value + piece * 8, slot + row < STREAM);
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

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) attention_hopper_forward(
    const Q_TYPE* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse)
{
    DYNAMIC_SHARED(shared);
    const u32 queries = shared_address(shared), ring = queries + QUERY_BYTES;
    const u32 keys_landed = ring + RING_BYTES, values_landed = keys_landed + STAGES * 8, released = values_landed + STAGES * 8;
    Sight* warp_sights = reinterpret_cast<Sight*>(shared + QUERY_BYTES + RING_BYTES + STAGES * 32);
    Sight* group_sights = warp_sights + GROUPS * 4;

    const Work work = find_work();
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = warp / 4;
    k += (i64)(work.batch * HEADS + work.head) * KEY_ROWS * HEAD_WIDTH;
    v = AT(V, v, work.batch, 0, work.head);
    past = AT(VP, past, work.batch, 0, work.head);
    if (threadIdx.x == 0)
    {
        for (int stage = 0; stage < STAGES; stage++)
        {
            phase_init(keys_landed + stage * 8, 1);
            phase_init(values_landed + stage * 8, GROUPS * 4);
            phase_init(released + stage * 8, GROUPS * 4);
        }
        publish_writes();
    }

    // The block's queries, four pieces for each thread.
    float pieces[4][8] = {};
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        int query = work.tile * BLOCK_QUERIES + (i * THREADS + threadIdx.x) / PIECES;
        if (query < QUERIES)
            load_parts<Q_VECTOR>(AT(Q, q, work.batch, query, work.head) + threadIdx.x % PIECES * 8, pieces[i]);
    }

    // What each of this thread's rows sees, 8 apart: row 8 r + lane / 4 of the warp.
    const int first_query = work.tile * BLOCK_QUERIES + warp * 16;
    Range range[2];
#pragma unroll
    for (int r = 0; r < 2; r++)
        range[r] = visible_slots(first, last, work.batch, first_query + r * 8 + lane / 4);
    const Sight warp_sight = join_lanes(join(sight_of(range[0]), sight_of(range[1])), 4);
    if (lane == 0)
        warp_sights[warp] = warp_sight;
    __syncthreads();

    Range all = warp_sights[0].any;
    for (int i = 1; i < GROUPS * 4; i++)
        all = {min(all.from, warp_sights[i].any.from), max(all.to, warp_sights[i].any.to)};
    const int start = all.from & ~7, tiles = all.to < 0 ? 0 : (all.to - start) / TILE + 1;
#pragma unroll
    for (int tile = 0; tile < STAGES - 1; tile++)
    {
        if (tile < tiles)
            load_tile(ring + tile * 2 * TILE_BYTES, keys_landed + tile * 8, k, v, past, start + tile * TILE);
        copy_async_commit();
    }
    if (threadIdx.x < GROUPS)
    {
        Sight sight = warp_sights[threadIdx.x * 4];
        for (int i = 1; i < 4; i++)
            sight = join(sight, warp_sights[threadIdx.x * 4 + i]);
        group_sights[threadIdx.x] = sight;
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        int row = (i * THREADS + threadIdx.x) / PIECES, piece = threadIdx.x % PIECES, query = work.tile * BLOCK_QUERIES + row;
        int at = query < QUERIES ? query_position(position, query) : 0;
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            rotate(pieces[i][j], pieces[i][j + 1], rotation_at(at, piece * 4 + j / 2));
            pieces[i][j] *= SCALE * LOG2_E;
            pieces[i][j + 1] *= SCALE * LOG2_E;
        }
        store_floats(reinterpret_cast<bf16*>(shared + piece_place(row, piece)), pieces[i]);
    }
    publish_writes();
    __syncthreads();

    // Values that this thread has waited for are there for everybody when all warps have said so.
    auto land_values = [&](int stage) {
        publish_writes();
        warp_barrier();
        if (lane == 0)
            phase_arrive(values_landed + stage * 8);
    };
    copy_async_wait<STAGES - 2>();
    land_values(0);

    float out[32] = {}, largest[2] = {NO_SCORE, NO_SCORE}, sum[2] = {};
    u32 phase = 0;
    for (int tile = 0, stage = 0; tile < tiles; tile++)
    {
        const int slot = start + tile * TILE;
        const u32 keys = ring + stage * 2 * TILE_BYTES;

        // Lands the next tile's values; then loads a later tile to the stage before this, once all warps are done with
        // that. In this order nothing is under way that the fence of the first would wait for.
        auto refill = [&] {
            copy_async_wait<STAGES - 3>();
            land_values(stage + 1 == STAGES ? 0 : stage + 1);
            if (tile + STAGES - 1 < tiles)
            {
                const int before = stage == 0 ? STAGES - 1 : stage - 1;
                if (tile > 0)
                    phase_wait(released + before * 8, stage == 0 ? phase ^ 1 : phase);
                load_tile(ring + before * 2 * TILE_BYTES, keys_landed + before * 8, k, v, past, slot + (STAGES - 1) * TILE);
            }
            copy_async_commit();
        };

        const Sight sight = group_sights[group];
        if (sees_none(sight, slot, slot + TILE - 1))
            refill();
        else
        {
            float x[TILE / 2];
            phase_wait(keys_landed + stage * 8, phase);
            begin_products();
            multiply_heads(x, queries + group * 64 * ROW_BYTES, keys);
            commit_products();
            wait_products<0>(x);
            if (!sees_all(sight, slot, slot + TILE - 1))
            {
#pragma unroll
                for (int i = 0; i < TILE / 2; i++)
                    x[i] = contains(range[i / 2 % 2], slot + i / 4 * 8 + lane % 4 * 2 + i % 2) ? x[i] : -INFINITY_F;
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
            if (warp_ballot(top[0] > largest[0] + HEADROOM || top[1] > largest[1] + HEADROOM) != 0)
            {
#pragma unroll
                for (int r = 0; r < 2; r++)
                {
                    const float shrink = exp2_fast(largest[r] - top[r]);
                    largest[r] = top[r];
                    sum[r] *= shrink;
#pragma unroll
                    for (int i = 0; i < 32; i++)
                        if (i / 2 % 2 == r)
                            out[i] *= shrink;
                }
            }
#pragma unroll
            for (int i = 0; i < TILE / 2; i += 2)
            {
                x[i] = exp2_fast(x[i] - largest[i / 2 % 2]);
                x[i + 1] = exp2_fast(x[i + 1] - largest[i / 2 % 2]);
                sum[i / 2 % 2] += x[i] + x[i + 1];
            }
            u32 weights[TILE / 16][4];
            to_weights(weights, x);

            phase_wait(values_landed + stage * 8, phase);
            begin_products();
            add_weighted_rows(out, weights, keys + TILE_BYTES);
            commit_products();
            refill();
            wait_products<0>(out);
        }
        if (lane == 0)
            phase_arrive(released + stage * 8);
        if (++stage == STAGES)
        {
            stage = 0;
            phase ^= 1;
        }
    }

    u32 broken = 0; // rows, a bit each
#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        const int query = first_query + r * 8 + lane / 4;
        float total = sum[r];
        total += warp_xor(total, 1);
        total += warp_xor(total, 2);
        const bool sees = range[r].to >= 0;
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
        const int row = __ffs(rest) - 1, from = row % 8 * 4;
        Range slots = {warp_get(row < 8 ? range[0].from : range[1].from, from), warp_get(row < 8 ? range[0].to : range[1].to, from)};
        float log_sum = warp_get(row < 8 ? sum[0] : sum[1], from);
        repair_row(AT(O, o, work.batch, first_query + row, work.head), shared, warp * 16 + row, k, v, past, slots, log_sum);
    }

    // Results go out through the place of the warpgroup's queries, a row by eight neighboring lanes.
    group_barrier(1 + group, 128);
    unsigned char* stage = shared + warp * 16 * ROW_BYTES;
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
            float x[8];
            load_floats(reinterpret_cast<const bf16*>(stage + piece_place(row, piece)), x);
            store_parts<O_VECTOR>(AT(O, o, work.batch, query, work.head) + piece * 8, x);
        }
    }
}
