// o = softmax(q kT / sqrt(f)) v and the log-sum-exp on Hopper's tensor cores, for heads of width 64: an online softmax
// over tiles of keys (FlashAttention-3, arXiv 2407.08608). Queries are copied from where they lie, turned here and get
// the factor log2(e) / sqrt(f), so that weights are powers of two. `next` is 0 at first.

#define NO_SCORE -1e30f         // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.
#define LARGEST_SUM 16777216.0f // Of a thread's weights of a row in a tile, before they are made smaller.

// Rows whose result is not finite are computed once more from the slots that they see: a value that is not finite spoils
// all queries of a warpgroup that meets it, also those that may not see it, since 0 * NaN is NaN. The warp works together.
// Returns the log-sum-exp to base 2.
__device__ __forceinline__ float repair_row(O_TYPE* o, const unsigned char* queries, int row, const bf16* k, const bf16* v, const bf16* past, Range range)
{
    const int lane = threadIdx.x % 32;
    auto score = [&](int slot) {
        float score = 0;
        for (int piece = 0; piece < PIECES; piece++)
        {
            float x[8], y[8];
            load_floats(reinterpret_cast<const bf16*>(queries + piece_place(row, piece)), x);
            load_floats(k + piece_place(slot, piece) / 2, y);
            for (int i = 0; i < 8; i++)
                score += x[i] * y[i];
        }
        return score;
    };
    float largest = NO_SCORE, total = 0, sums[2] = {};
    for (int slot = range.from + lane; slot <= range.to; slot += 32)
        largest = fmaxf(largest, score(slot));
    for (int mask = 16; mask > 0; mask >>= 1)
        largest = fmaxf(largest, warp_xor(largest, mask));
    for (int start = range.from; start <= range.to; start += 32)
    {
        const float weight = start + lane <= range.to ? exp2_fast(score(start + lane) - largest) : 0.0f;
        total += weight;
        for (int i = 0; i < min(32, range.to - start + 1); i++)
        {
            int slot = start + i;
            const bf16* value = slot < PAST ? past + (i64)slot * VP_ROW : v + (i64)(slot - PAST) * V_ROW;
            float factor = warp_get(weight, i);
            sums[0] += factor * to_float(value[lane]);
            sums[1] += factor * to_float(value[lane + 32]);
        }
    }
    for (int mask = 16; mask > 0; mask >>= 1)
        total += warp_xor(total, mask);
    o[lane] = from_float<O_TYPE>(sums[0] / total);
    o[lane + 32] = from_float<O_TYPE>(sums[1] / total);
    return largest + __log2f(total);
}

// Copies this thread's part of an item's queries to their place and turns and scales it there.
__device__ __forceinline__ void prepare_queries(unsigned char* queries, Work work, const bf16* q, const int* position, const Rotation* known, int thread)
{
    const int piece = thread % PIECES;
    q = AT(Q, q, work.batch, 0, work.head) + piece * 8;
    for_each_row(work, thread, [&](u32 row, u32 query) { copy_async_16(shared_address(queries) + piece_place(row, piece), q + query * (u64)Q_ROW, true); });
    copy_async_commit();
    copy_async_wait<0>();
    Rotation by[4][4];
    auto load = [&](int i, u32 query) { load_rotations(by[i], known, query_position(position, query), piece * 4); };
    for_each_loaded_row(work, thread, load, [&](int i, u32 row, u32) {
        bf16* place = reinterpret_cast<bf16*>(queries + piece_place(row, piece));
        float x[8];
        load_floats(place, x);
#pragma unroll
        for (int j = 0; j < 8; j += 2)
        {
            rotate(x[j], x[j + 1], by[i][j / 2]);
            x[j] *= SCALE * LOG2_E;
            x[j + 1] *= SCALE * LOG2_E;
        }
        store_floats(place, x);
    });
}

// What a computing warpgroup does.
__device__ __forceinline__ void attend(unsigned char* shared, const bf16* k, const bf16* v, const bf16* past, O_TYPE* o, LSE_TYPE* lse)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = uniform((int)threadIdx.x / 128);
    Ring ring = {shared_address(shared), {0, 0}};
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        unsigned char* queries = shared + slot.place * SLOT_BYTES + group * GROUP_BYTES;
        phase_wait(ring.base + READY_AT + slot.place * 8, slot.parity);
        if (any_lane(item.index >= ITEM_COUNT))
            break;

        float x[TILE / 2], out[32], scale[2] = {NO_SCORE, NO_SCORE}, sum[2] = {}, shrink[2];
        u32 weights[TILE / 16][4];
        bool fresh = true; // There are rows that have seen nothing.
        clear_products(out);
        const Tiles tiles = seen_tiles(item, group), clear = clear_tiles(item);
        const int start = uniform(item.start);
        auto multiply = [&] {
            multiply_heads(x, ring.base + slot.place * SLOT_BYTES + group * GROUP_BYTES, ring.keys(ring.turn.place));
            commit_products();
        };
        auto add_values = [&](int place) {
            add_weighted_rows(out, weights, ring.values(place));
            commit_products();
        };

        // Makes the largest scores of the rows in x and before what weights are relative to.
        auto raise = [&] {
            float tops[4] = {scale[0], scale[1], scale[0], scale[1]}; // shorter chains
#pragma unroll
            for (int i = 0; i < TILE / 2; i++)
                tops[i / 2 % 4] = fmaxf(tops[i / 2 % 4], x[i]);
#pragma unroll
            for (int r = 0; r < 2; r++)
            {
                const float before = scale[r];
                scale[r] = fmaxf(tops[r], tops[r + 2]);
                scale[r] = fmaxf(scale[r], warp_xor(scale[r], 1));
                scale[r] = fmaxf(scale[r], warp_xor(scale[r], 2));
                shrink[r] = exp2_fast(before - scale[r]);
            }
        };

        // Scores to weights and the thread's sums of them; whether these are small enough.
        auto exponentiate = [&](float (&totals)[2]) -> bool {
            float parts[4] = {};
#pragma unroll
            for (int i = 0; i < TILE / 2; i += 2)
            {
                x[i] = exp2_fast(x[i] - scale[i / 2 % 2]);
                x[i + 1] = exp2_fast(x[i + 1] - scale[i / 2 % 2]);
                parts[i / 2 % 4] += x[i] + x[i + 1];
            }
            totals[0] = parts[0] + parts[2];
            totals[1] = parts[1] + parts[3];
            return totals[0] <= LARGEST_SUM && totals[1] <= LARGEST_SUM;
        };

        // Weights are relative to the largest score of the first tile of which a row sees something: a number's precision
        // does not depend on its size, so that this need not be the largest of all. Only where they become too large, or
        // too large for a float, the scores are computed again and the largest so far takes its place. Whether `out` has
        // to shrink.
        auto weigh = [&](int tile) -> bool {
            const bool all = clear.has(tile);
            if (!all)
                hide_unseen(x, item, start + tile * TILE, -INFINITY_F);
            bool raised = fresh;
            shrink[0] = shrink[1] = 1;
            if (raised)
            {
                raise();
                fresh = any_lane(scale[0] == NO_SCORE || scale[1] == NO_SCORE);
            }
            float totals[2];
            const bool small = exponentiate(totals);
            if (any_lane(!small) && !raised)
            {
                multiply_alone(x, ring.base + slot.place * SLOT_BYTES + group * GROUP_BYTES, ring.keys(ring.turn.place));
                if (!all)
                    hide_unseen(x, item, start + tile * TILE, -INFINITY_F);
                raise();
                exponentiate(totals);
                raised = true;
            }
            sum[0] = sum[0] * shrink[0] + totals[0];
            sum[1] = sum[1] * shrink[1] + totals[1];
            return raised;
        };

        ring.pass_over(tiles.begin);
        if (tiles.begin < tiles.end)
        {
            ring.wait_landed();
            begin_products();
            multiply();
            bool landed = ring.next_landed();
            wait_products<0>(x);
            weigh(tiles.begin);
            to_weights(weights, x);
            for (int tile = tiles.begin + 1; tile < tiles.end; tile++)
            {
                const int before = ring.turn.place;
                ring.advance();
                if (!landed)
                    ring.wait_landed();
                begin_products();
                multiply();
                add_values(before);
                landed = ring.next_landed();
                wait_products<1>(x);

                // The branch keeps the assembler from moving the second wait up in front of the weights, which are to be
                // computed while the products with values run.
                if (weigh(tile))
                {
                    wait_products<0>(out);
#pragma unroll
                    for (int i = 0; i < 32; i++)
                        out[i] *= shrink[i / 2 % 2];
                }
                wait_products<0>(out);
                ring.release(before);
                to_weights(weights, x);
            }
            begin_products();
            add_values(ring.turn.place);
            wait_products<0>(out);
            ring.release(ring.turn.place);
            ring.advance();
        }
        ring.pass_over(uniform(item.tiles) - tiles.end);

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
            float check = sees ? total : 0.0f;
#pragma unroll
            for (int i = 0; i < 32; i++)
                if (i / 2 % 2 == r)
                {
                    out[i] = sees ? out[i] * factor : 0.0f;
                    check += out[i];
                }
            if (lane % 4 == 0 && query < QUERIES)
                lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query] = from_float<LSE_TYPE>(sees ? (scale[r] + __log2f(total)) * LN_2 : 0.0f);
            u32 lanes = warp_ballot(!is_finite(check));
            for (int i = 0; i < 8; i++)
                if ((lanes >> (i * 4) & 15) != 0)
                    broken |= 1u << (r * 8 + i);
        }
#pragma unroll 1
        for (u32 rest = broken; rest != 0; rest &= rest - 1)
        {
            const int row = __ffs(rest) - 1, query = first_query + row;
            const float log_sum = repair_row(
                AT(O, o, work.batch, query, work.head), queries, warp % 4 * 16 + row, k + KEYS_OF(work.batch, work.head) * KEY_ROWS * HEAD_WIDTH,
                AT(V, v, work.batch, 0, work.head), AT(VP, past, work.batch, 0, work.head), item.ranges[warp * 16 + row]);
            if (lane == 0)
                lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query] = from_float<LSE_TYPE>(log_sum * LN_2);
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
                store_columns<O_VECTOR>(AT(O, o, work.batch, query, work.head) + piece * 8, piece * 8, y);
            }
        }
        warp_barrier();
        if (lane == 0)
            phase_arrive(ring.base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_forward(
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const Rotation* __restrict__ known, const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse, int* next)
{
    DYNAMIC_SHARED(shared);
    know_first(shared, first, last);
    if (threadIdx.x / 128 == GROUPS)
    {
        give_registers<LOADING_REGISTERS>();
        work_ahead(
            shared, k, v, past, first, last, next,
            [&](const Item& item, int slot, int thread) {
                prepare_queries(shared + slot * SLOT_BYTES, item.work, q, position, known, thread);
            },
            [](const Item&) {});
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        attend(shared, k, v, past, o, lse);
    }
}
