// dq in f32, for any element and head width: a block takes TILE queries of a head and goes over the tiles of keys that
// they see. ds = p (do vT - delta) with p = exp(s - lse) and delta = rowsum(do o), dq = ds k / sqrt(f), turned back.
// delta [BATCH, HEADS, QUERIES] is left for the kernel for dk and dv.

extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_query_gradient(
    const Q_TYPE* __restrict__ q, const K_TYPE* __restrict__ k, const V_TYPE* __restrict__ v, const KP_TYPE* __restrict__ k_past, const VP_TYPE* __restrict__ v_past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    const O_TYPE* __restrict__ o, const LSE_TYPE* __restrict__ lse, const DO_TYPE* __restrict__ upstream, DQ_TYPE* __restrict__ dq, float* __restrict__ deltas)
{
    DYNAMIC_SHARED(shared);
    float* queries = reinterpret_cast<float*>(shared);
    float* upstreams = queries + TILE * PITCH;
    float* keys = upstreams + TILE * PITCH;
    float* values = keys + TILE * PITCH;
    float* weights = values + TILE * PITCH;
    __shared__ Range ranges[TILE];

    const Work work = find_work();
    const int x = threadIdx.x % 16, y = threadIdx.x / 16, batch = work.batch, head = work.head, first_query = work.tile * TILE;
    if (threadIdx.x < TILE)
        ranges[threadIdx.x] = visible_slots(first, last, batch, first_query + threadIdx.x);
    load_turned(
        queries,
        [&](int row, int column) { return first_query + row < QUERIES ? to_float(AT(Q, q, batch, first_query + row, head)[column]) * (SCALE * LOG2_E) : 0.0f; },
        [&](int row) { return query_position(position, min(first_query + row, QUERIES - 1)); });
    load_tile(upstreams, [&](int row, int column) { return first_query + row < QUERIES ? to_float(AT(DO, upstream, batch, first_query + row, head)[column]) : 0.0f; });
    __syncthreads();
    const Range all = tile_sight(ranges).any;

    float gradient[PARTS][COLUMNS] = {}, log_sum[PARTS], delta[PARTS];
#pragma unroll
    for (int i = 0; i < PARTS; i++)
    {
        const int query = min(first_query + y + i * 16, QUERIES - 1);
        float product = 0;
        for (int column = x; column < HEAD_WIDTH; column += 16)
            product += upstreams[(y + i * 16) * PITCH + column] * to_float(AT(O, o, batch, query, head)[column]);
        delta[i] = row_sum(product);
        log_sum[i] = to_float(lse[(i64)batch * LSE_BATCH + head * LSE_HEAD + query]) * LOG2_E;
        if (x == 0 && first_query + y + i * 16 < QUERIES)
            deltas[(batch * HEADS + head) * QUERIES + query] = delta[i];
    }

    for (int slot = all.from; slot <= all.to; slot += TILE)
    {
        __syncthreads();
        load_keys(keys, k, k_past, batch, head, slot);
        load_values(values, v, v_past, batch, head, slot);
        __syncthreads();
        float score[PARTS][PARTS] = {}, ds[PARTS][PARTS] = {};
        multiply_rows(score, queries, keys);
        multiply_rows(ds, upstreams, values);
#pragma unroll
        for (int i = 0; i < PARTS; i++)
#pragma unroll
            for (int j = 0; j < PARTS; j++)
                ds[i][j] = contains(ranges[y + i * 16], slot + x + j * 16) ? exp2f(score[i][j] - log_sum[i]) * (ds[i][j] - delta[i]) : 0.0f;
        store_weights(weights, ds);
        __syncthreads();
        multiply_columns(gradient, weights, keys);
    }

#pragma unroll
    for (int i = 0; i < PARTS; i++)
    {
        const int query = min(first_query + y + i * 16, QUERIES - 1);
        turn_back(gradient[i], query_position(position, query));
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
            if (x + c * 16 < HEAD_WIDTH && first_query + y + i * 16 < QUERIES)
                AT(DQ, dq, batch, query, head)[x + c * 16] = from_float<DQ_TYPE>(gradient[i][c] * SCALE);
    }
}
