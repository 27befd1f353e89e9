// dk and dv in f32, for any element and head width: a block takes TILE slots of a head's key stream and goes over the
// tiles of queries that give them a gradient. Everything is transposed, so that keys are rows: dv = pT do,
// dk = dsT q / sqrt(f), turned back. Slots before FIRST_SLOT want no gradient.

extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_key_gradient(
    const Q_TYPE* __restrict__ q, const K_TYPE* __restrict__ k, const V_TYPE* __restrict__ v, const KP_TYPE* __restrict__ k_past, const VP_TYPE* __restrict__ v_past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const LSE_TYPE* __restrict__ lse, const DO_TYPE* __restrict__ upstream, const float* __restrict__ deltas,
    DK_TYPE* __restrict__ dk, DV_TYPE* __restrict__ dv, DKP_TYPE* __restrict__ dk_past, DVP_TYPE* __restrict__ dv_past)
{
    DYNAMIC_SHARED(shared);
    float* queries = reinterpret_cast<float*>(shared);
    float* upstreams = queries + TILE * PITCH;
    float* keys = upstreams + TILE * PITCH;
    float* values = keys + TILE * PITCH;
    float* weights = values + TILE * PITCH;
    __shared__ Range ranges[TILE];
    __shared__ float log_sums[TILE], tile_deltas[TILE];

    const Work work = find_work();
    const int x = threadIdx.x % 16, y = threadIdx.x / 16, batch = work.batch, head = work.head, slot = FIRST_SLOT + work.tile * TILE;
    load_keys(keys, k, k_past, batch, head, slot);
    load_values(values, v, v_past, batch, head, slot);

    float key_gradient[PARTS][COLUMNS] = {}, value_gradient[PARTS][COLUMNS] = {};
    for (int first_query = 0; first_query < QUERIES; first_query += TILE)
    {
        __syncthreads();
        if (threadIdx.x < TILE)
        {
            int query = first_query + threadIdx.x, at = min(query, QUERIES - 1);
            Range range = visible_slots(first, last, batch, query);
#if DETACH_PAST
            range.from = max(range.from, PAST + query / SLOTS * SLOTS);
#endif
            ranges[threadIdx.x] = range.from <= range.to ? range : Range{FAR, -1};
            log_sums[threadIdx.x] = to_float(lse[(i64)batch * LSE_BATCH + head * LSE_HEAD + at]) * LOG2_E;
            tile_deltas[threadIdx.x] = deltas[(batch * HEADS + head) * QUERIES + at];
        }
        __syncthreads();
        if (sees_none(tile_sight(ranges), slot, slot + TILE - 1))
            continue;
        load_turned(
            queries,
            [&](int row, int column) { return first_query + row < QUERIES ? to_float(AT(Q, q, batch, first_query + row, head)[column]) * (SCALE * LOG2_E) : 0.0f; },
            [&](int row) { return query_position(position, min(first_query + row, QUERIES - 1)); });
        load_tile(upstreams, [&](int row, int column) { return first_query + row < QUERIES ? to_float(AT(DO, upstream, batch, first_query + row, head)[column]) : 0.0f; });
        __syncthreads();
        float p[PARTS][PARTS] = {}, ds[PARTS][PARTS] = {};
        multiply_rows(p, keys, queries);
        multiply_rows(ds, values, upstreams);
#pragma unroll
        for (int i = 0; i < PARTS; i++)
#pragma unroll
            for (int j = 0; j < PARTS; j++)
            {
                int query = x + j * 16;
                bool taken = contains(ranges[query], slot + y + i * 16);
                p[i][j] = taken ? exp2f(p[i][j] - log_sums[query]) : 0.0f;
                ds[i][j] = taken ? p[i][j] * (ds[i][j] - tile_deltas[query]) : 0.0f;
            }
        store_weights(weights, p);
        __syncthreads();
        multiply_columns(value_gradient, weights, upstreams);
        __syncthreads();
        store_weights(weights, ds);
        __syncthreads();
        multiply_columns(key_gradient, weights, queries);
    }

#pragma unroll
    for (int i = 0; i < PARTS; i++)
    {
        const int place = slot + y + i * 16;
        turn_back(key_gradient[i], place);
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
        {
            const int column = x + c * 16;
            if (column >= HEAD_WIDTH || place >= STREAM)
                continue;
            // The queries have the factor log2(e) / sqrt(f).
            if (place < PAST)
            {
                AT(DKP, dk_past, batch, place, head)[column] = from_float<DKP_TYPE>(key_gradient[i][c] * LN_2);
                AT(DVP, dv_past, batch, place, head)[column] = from_float<DVP_TYPE>(value_gradient[i][c]);
            }
            else
            {
                AT(DK, dk, batch, place - PAST, head)[column] = from_float<DK_TYPE>(key_gradient[i][c] * LN_2);
                AT(DV, dv, batch, place - PAST, head)[column] = from_float<DV_TYPE>(value_gradient[i][c]);
            }
        }
    }
}
