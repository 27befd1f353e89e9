// o = softmax(q kT / sqrt(f)) v and the log-sum-exp on Hopper's tensor cores, for heads of width 64: an online softmax
// over tiles of keys (FlashAttention-3, arXiv 2407.08608). Queries are copied from where they lie, turned here and get
// the factor log2(e) / sqrt(f), so that weights are powers of two. `next` is 0 at first.

#define NO_SCORE -1e30f // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.
#define HEADROOM 8.0f   // The largest score counts as unchanged up to here: weights stay below 2^8.

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
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = uniform((int)threadIdx.x / 128);
    Ring ring = {shared_address(shared), {0, 0}};
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        unsigned char* queries = shared + slot.place * SLOT_BYTES + group * GROUP_BYTES;
        phase_wait(ring.base + READY_AT + slot.place * 8, slot.parity);
        if (any_lane(item.index >= BATCH * HEADS * TILES))
            break;
        turn_queries(queries, position, item.work.tile * BLOCK_QUERIES + group * 64);
        publish_writes();
        group_barrier(1 + group, 128);

        float x[TILE / 2], out[32], largest[2] = {NO_SCORE, NO_SCORE}, sum[2] = {}, shrink[2];
        u32 weights[TILE / 16][4];
        clear_products(out);
        auto multiply = [&] {
            multiply_heads(x, ring.base + slot.place * SLOT_BYTES + group * GROUP_BYTES, ring.keys(ring.turn.place));
            commit_products();
        };
        auto add_values = [&](int place) {
            add_weighted_rows(out, weights, ring.values(place));
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
            float tops[4] = {largest[0], largest[1], largest[0], largest[1]}, parts[4] = {}; // shorter chains
#pragma unroll
            for (int i = 0; i < TILE / 2; i++)
                tops[i / 2 % 4] = fmaxf(tops[i / 2 % 4], x[i]);
            float top[2] = {fmaxf(tops[0], tops[2]), fmaxf(tops[1], tops[3])};
#pragma unroll
            for (int r = 0; r < 2; r++)
            {
                top[r] = fmaxf(top[r], warp_xor(top[r], 1));
                top[r] = fmaxf(top[r], warp_xor(top[r], 2));
            }
            const bool grown = any_lane(top[0] > largest[0] + HEADROOM || top[1] > largest[1] + HEADROOM);
#pragma unroll
            for (int r = 0; r < 2; r++)
            {
                const float before = largest[r];
                largest[r] = grown ? top[r] : before;
                shrink[r] = exp2_fast(before - largest[r]);
            }
#pragma unroll
            for (int i = 0; i < TILE / 2; i += 2)
            {
                x[i] = exp2_fast(x[i] - largest[i / 2 % 2]);
                x[i + 1] = exp2_fast(x[i + 1] - largest[i / 2 % 2]);
                parts[i / 2 % 4] += x[i] + x[i + 1];
            }
            sum[0] = sum[0] * shrink[0] + (parts[0] + parts[2]);
            sum[1] = sum[1] * shrink[1] + (parts[1] + parts[3]);
            return grown;
        };

        const Tiles tiles = seen_tiles(item, group);
        ring.pass_over(tiles.begin);
        if (tiles.begin < tiles.end)
        {
            ring.wait_landed();
            begin_products();
            multiply();
            wait_products<0>(x);
            weigh(tiles.begin);
            to_weights(weights, x);
            for (int tile = tiles.begin + 1; tile < tiles.end; tile++)
            {
                const int before = ring.turn.place;
                ring.advance();
                ring.wait_landed();
                begin_products();
                multiply();
                add_values(before);
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
            phase_arrive(ring.base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_forward(
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse, int* next)
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
                    int query = work.tile * BLOCK_QUERIES + i / PIECES;
                    copy_async_16(to + piece_place(i / PIECES, i % PIECES), AT(Q, q, work.batch, query, work.head) + i % PIECES * 8, query < QUERIES);
                }
            },
            [](const Item&, Work) {});
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        attend(shared, k, v, past, position, o, lse);
    }
}
