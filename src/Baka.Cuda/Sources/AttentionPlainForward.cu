// o = softmax(q kT / sqrt(f)) v and the log-sum-exp in f32, for any element and head width: a block takes TILE queries of
// a head and goes over the tiles of keys that they see, with an online softmax.

#define NO_SCORE -1e30f // Stands for "nothing seen yet": unlike -infinity it can be subtracted from itself.

extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_forward(
    const Q_TYPE* __restrict__ q, const K_TYPE* __restrict__ k, const V_TYPE* __restrict__ v, const KP_TYPE* __restrict__ k_past, const VP_TYPE* __restrict__ v_past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse)
{
    DYNAMIC_SHARED(shared);
    float* queries = reinterpret_cast<float*>(shared);
    float* stream = queries + TILE * PITCH;
    float* weights = stream + TILE * PITCH;
    __shared__ Range ranges[TILE];

    const Work work = find_work();
    const int x = threadIdx.x % 16, y = threadIdx.x / 16, batch = work.batch, head = work.head, first_query = work.tile * TILE;
    if (threadIdx.x < TILE)
        ranges[threadIdx.x] = visible_slots(first, last, batch, first_query + threadIdx.x);
    load_turned(
        queries,
        [&](int row, int column) { return first_query + row < QUERIES ? to_float(AT(Q, q, batch, first_query + row, head)[column]) * (SCALE * LOG2_E) : 0.0f; },
        [&](int row) { return query_position(position, min(first_query + row, QUERIES - 1)); });
    __syncthreads();
    const Range all = tile_sight(ranges).any;

    float out[PARTS][COLUMNS] = {}, largest[PARTS], sum[PARTS];
#pragma unroll
    for (int i = 0; i < PARTS; i++)
    {
        largest[i] = NO_SCORE;
        sum[i] = 0;
    }
    for (int slot = all.from; slot <= all.to; slot += TILE)
    {
        __syncthreads();
        load_keys(stream, k, k_past, batch, head, slot);
        __syncthreads();
        float score[PARTS][PARTS] = {};
        multiply_rows(score, queries, stream);
#pragma unroll
        for (int i = 0; i < PARTS; i++)
        {
            float top = largest[i];
#pragma unroll
            for (int j = 0; j < PARTS; j++)
            {
                score[i][j] = contains(ranges[y + i * 16], slot + x + j * 16) ? score[i][j] : -INFINITY_F;
                top = fmaxf(top, score[i][j]);
            }
            top = row_max(top);
            const float shrink = exp2f(largest[i] - top);
            largest[i] = top;
            sum[i] *= shrink;
#pragma unroll
            for (int c = 0; c < COLUMNS; c++)
                out[i][c] *= shrink;
#pragma unroll
            for (int j = 0; j < PARTS; j++)
            {
                score[i][j] = exp2f(score[i][j] - top);
                sum[i] += score[i][j];
            }
        }
        store_weights(weights, score);
        __syncthreads();
        load_values(stream, v, v_past, batch, head, slot);
        __syncthreads();
        multiply_columns(out, weights, stream);
    }

#pragma unroll
    for (int i = 0; i < PARTS; i++)
    {
        const int query = first_query + y + i * 16;
        const float total = row_sum(sum[i]);
        const bool sees = ranges[y + i * 16].to >= 0;
        if (query >= QUERIES)
            continue;
        if (x == 0)
            lse[(i64)batch * LSE_BATCH + head * LSE_HEAD + query] = from_float<LSE_TYPE>(sees ? (largest[i] + log2f(total)) * LN_2 : 0.0f);
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
            if (x + c * 16 < HEAD_WIDTH)
                AT(O, o, batch, query, head)[x + c * 16] = from_float<O_TYPE>(sees ? out[i][c] / total : 0.0f);
    }
}
