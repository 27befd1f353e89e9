// o = softmax(q kT / sqrt(f)) v and the log-sum-exp, on tensor cores, without a score matrix: an online softmax over
// tiles of keys (FlashAttention-2, arXiv 2307.08691). A block takes BLOCK_QUERIES consecutive queries of a head, in
// whatever windows they are, FRAGMENTS times 16 for each warp; a group of warps passes over key tiles that none of its
// queries sees, and a warp compares slots only in tiles that not all of its queries see.
//
// keys [BATCH, KEY_HEADS, STREAM, PADDED_WIDTH] are turned already; queries are turned here and get the factor
// log2(e) / sqrt(f), so that weights are powers of two.

#define BLOCK_QUERIES (WARPS * FRAGMENTS * 16)
#define NO_SCORE -1e30f // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.
#define SLACK 8.0f      // How far, as a power of two, weights may outgrow 1 before sums are brought to a new scale.

// Starts to copy this thread's part of the block's queries to shared memory; zeros beyond the last.
__device__ __forceinline__ void copy_queries(unsigned char* to, const Q_TYPE* q, Work work)
{
    for_own_pieces<BLOCK_QUERIES>([&](int, int row, int column) {
        const int query = work.tile * BLOCK_QUERIES + row;
        copy_piece<Q_VECTOR>(shared_address(to) + place(row, column), AT(Q, q, work.batch, query, work.head) + column, column, query < QUERIES);
    });
}

// Turns and scales it there.
__device__ __forceinline__ void turn_queries(unsigned char* queries, const int* position, const Rotation* known, Work work)
{
    Rotation by[PIECES_OF_THREAD(BLOCK_QUERIES)][4];
    for_own_pieces<BLOCK_QUERIES>([&](int j, int row, int column) {
        load_rotations(by[j], known, query_position(position, min(work.tile * BLOCK_QUERIES + row, QUERIES - 1)), column / 2);
    });
    copy_async_wait<STAGES - 1>();
    for_own_pieces<BLOCK_QUERIES>([&](int j, int row, int column) {
        bf16* at = reinterpret_cast<bf16*>(queries + place(row, column));
        float x[8];
        load_floats(at, x);
#pragma unroll
        for (int i = 0; i < 8; i += 2)
        {
            rotate(x[i], x[i + 1], by[j][i / 2]);
            x[i] *= SCALE * LOG2_E;
            x[i + 1] *= SCALE * LOG2_E;
        }
        store_floats(at, x);
    });
}

// A value that is not finite spoils all queries of a tile that meets it, also those that may not see it: 0 * NaN is
// NaN. Such rows are computed once more from the slots that they see. The warp works together. (A call would keep
// products from going on in the background, so this is part of the kernel.)
__device__ __forceinline__ void repair_row(O_TYPE* o, const unsigned char* queries, int row, const bf16* k, const bf16* v, const bf16* past, Range range, float log_sum)
{
    const int lane = threadIdx.x % 32;
    for (int first = 0; first < HEAD_WIDTH; first += 32)
    {
        const int column = min(first + lane, HEAD_WIDTH - 1);
        float sum = 0;
#pragma unroll 1
        for (int slot = range.from; slot <= range.to; slot++)
        {
            float score = 0;
            for (int i = lane; i < HEAD_WIDTH; i += 32)
            {
                const bf16* query = reinterpret_cast<const bf16*>(queries + place(row, i / 8 * 8)) + i % 8;
                score += to_float(*query) * to_float(k[(i64)slot * PADDED_WIDTH + i]);
            }
            const bf16* value = slot < PAST ? past + (i64)slot * VP_ROW : v + (i64)(slot - PAST) * V_ROW;
            sum += exp2_fast(warp_sum(score) - log_sum) * to_float(value[column]);
        }
        if (first + lane < HEAD_WIDTH)
            o[column] = from_float<O_TYPE>(sum);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) attention_forward(
    const Q_TYPE* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past,
    const Rotation* __restrict__ known, const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse)
{
    DYNAMIC_SHARED(shared);
    unsigned char* queries = first_tile(shared);
    unsigned char* ring = queries + BLOCK_QUERIES / TILE * TILE_BYTES;
    __shared__ Sight sights[WARPS];

    const Work work = find_work();
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    k += KEYS_OF(work.batch, work.head) * STREAM * PADDED_WIDTH;
    v = AT(V, v, work.batch, 0, work.head);
    past = AT(VP, past, work.batch, 0, work.head);

    // This thread's rows r are 8 apart, two for each fragment.
    const auto query_of = [&](int r) { return work.tile * BLOCK_QUERIES + fragment_row<FRAGMENTS>(r / 2) + r % 2 * 8 + lane / 4; };
    Range range[FRAGMENTS * 2];
    Sight sight = NO_SIGHT;
#pragma unroll
    for (int r = 0; r < FRAGMENTS * 2; r++)
    {
        range[r] = visible_slots(first, last, work.batch, query_of(r));
        sight = join(sight, sight_of(range[r]));
    }
    sight = join_lanes(sight, 4);
    if (lane == 0)
        sights[warp] = sight;
    __syncthreads();

    Sight all = NO_SIGHT, group = NO_SIGHT;
    for (int i = 0; i < WARPS; i++)
    {
        all = join(all, sights[i]);
        if (i / GROUP_WARPS == warp / GROUP_WARPS)
            group = join(group, sights[i]);
    }
    const int start = all.any.from / TILE, end = all.any.to < 0 ? start : all.any.to / TILE + 1;

    // The first keys are on their way while the queries are turned; the loop begins with a barrier.
    copy_queries(queries, q, work);
    copy_async_commit();
    const u32 ring_address = shared_address(ring), left = left_operand<FRAGMENTS>(shared_address(queries));
    for (int i = 0; i < STAGES - 1; i++)
    {
        if (start + i < end)
            load_slots(ring_address + i * 2 * TILE_BYTES, k, v, past, (start + i) * TILE);
        copy_async_commit();
    }
    turn_queries(queries, position, known, work);

    float out[FRAGMENTS][COLUMNS][4] = {}, largest[FRAGMENTS * 2], sum[FRAGMENTS * 2];
#pragma unroll
    for (int r = 0; r < FRAGMENTS * 2; r++)
    {
        largest[r] = NO_SCORE;
        sum[r] = 0;
    }

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

        float x[FRAGMENTS][TILE / 8][4];
        multiply_rows<false>(x, left, keys);
        wait_for_sums<0>(x);
        if (!sees_all(sight, slot, slot + TILE - 1))
        {
#pragma unroll
            for (int i = 0; i < FRAGMENTS * TILE / 2; i++)
            {
                int m = i / (TILE / 2), n = i / 4 % (TILE / 8), j = i % 4;
                x[m][n][j] = contains(range[m * 2 + j / 2], slot + n * 8 + lane % 4 * 2 + j % 2) ? x[m][n][j] : -INFINITY_F;
            }
        }

        float top[FRAGMENTS * 2];
        bool grows = false;
#pragma unroll
        for (int r = 0; r < FRAGMENTS * 2; r++)
        {
            top[r] = largest[r];
#pragma unroll
            for (int n = 0; n < TILE / 8; n++)
                top[r] = fmaxf(top[r], fmaxf(x[r / 2][n][r % 2 * 2], x[r / 2][n][r % 2 * 2 + 1]));
            top[r] = fmaxf(top[r], warp_xor(top[r], 1));
            top[r] = fmaxf(top[r], warp_xor(top[r], 2));
            grows |= top[r] > largest[r] + SLACK;
        }
        if (warp_ballot(grows) != 0)
        {
#pragma unroll
            for (int r = 0; r < FRAGMENTS * 2; r++)
            {
                const float shrink = exp2_fast(largest[r] - top[r]);
                largest[r] = top[r];
                sum[r] *= shrink;
#pragma unroll
                for (int n = 0; n < COLUMNS; n++)
                {
                    out[r / 2][n][r % 2 * 2] *= shrink;
                    out[r / 2][n][r % 2 * 2 + 1] *= shrink;
                }
            }
        }
#pragma unroll
        for (int i = 0; i < FRAGMENTS * TILE / 2; i++)
        {
            int m = i / (TILE / 2), n = i / 4 % (TILE / 8), j = i % 4;
            x[m][n][j] = exp2_fast(x[m][n][j] - largest[m * 2 + j / 2]);
            sum[m * 2 + j / 2] += x[m][n][j];
        }
        u32 weights[FRAGMENTS][TILE / 16][4];
        to_left(weights, x);
        multiply_columns(out, weights, values);
        wait_for_sums<0>(out);
    }

    copy_async_wait<0>();
    __syncthreads();
    static_assert(BLOCK_QUERIES * STAGE_PITCH * 4 <= STAGES * 2 * TILE_BYTES, "results leave through the ring");
    float* stage = reinterpret_cast<float*>(ring) + warp * FRAGMENTS * 16 * STAGE_PITCH;
    u32 broken = 0;
#pragma unroll
    for (int r = 0; r < FRAGMENTS * 2; r++)
    {
        const int m = r / 2, j = r % 2 * 2, query = query_of(r);
        float total = sum[r];
        total += warp_xor(total, 1);
        total += warp_xor(total, 2);
        const bool sees = range[r].to >= 0;
        const float factor = sees ? 1.0f / total : 0.0f;
        float check = 0;
#pragma unroll
        for (int n = 0; n < COLUMNS; n++)
        {
            out[m][n][j] = sees ? out[m][n][j] * factor : 0.0f;
            out[m][n][j + 1] = sees ? out[m][n][j + 1] * factor : 0.0f;
            check += out[m][n][j] + out[m][n][j + 1];
        }
        broken |= is_finite(check) ? 0u : 1u << r;
        sum[r] = largest[r] + __log2f(total);
        if (lane % 4 == 0 && query < QUERIES)
            lse[(i64)work.batch * LSE_BATCH + work.head * LSE_HEAD + query] = from_float<LSE_TYPE>(sees ? sum[r] * LN_2 : 0.0f);
    }
#pragma unroll
    for (int m = 0; m < FRAGMENTS; m++)
    {
        const int first_query = work.tile * BLOCK_QUERIES + fragment_row<FRAGMENTS>(m);
        stage_rows(stage + m * 16 * STAGE_PITCH, out[m]);
        warp_barrier();
        for_each_piece(stage + m * 16 * STAGE_PITCH, [&](int row, int column, const float (&x)[8]) {
            if (first_query + row < QUERIES)
                store_columns<O_VECTOR>(AT(O, o, work.batch, first_query + row, work.head) + column, column, x);
        });
    }

    if (warp_ballot(broken != 0) == 0)
        return;
    warp_barrier();
#pragma unroll 1
    for (int i = 0; i < FRAGMENTS * 16; i++)
    {
        if ((warp_ballot((broken >> (i / 8) & 1) != 0) >> (i % 8 * 4) & 15) == 0)
            continue;
        Range slots = range[0];
        float log_sum = sum[0];
#pragma unroll
        for (int r = 1; r < FRAGMENTS * 2; r++)
        {
            slots = i / 8 == r ? range[r] : slots;
            log_sum = i / 8 == r ? sum[r] : log_sum;
        }
        slots = {warp_get(slots.from, i % 8 * 4), warp_get(slots.to, i % 8 * 4)};
        log_sum = warp_get(log_sum, i % 8 * 4);
        const int row = fragment_row<FRAGMENTS>(i / 16) + i % 16;
        repair_row(AT(O, o, work.batch, work.tile * BLOCK_QUERIES + row, work.head), queries, row, k, v, past, slots, log_sum);
    }
}
