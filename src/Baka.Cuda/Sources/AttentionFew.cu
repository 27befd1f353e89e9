// o = softmax(q kT / sqrt(f)) v and the log-sum-exp for few queries, as when text is generated: a block takes one query
// of a head and its threads share the keys; weights [PAST + SLOTS] lie in shared memory.

#define THREADS 256
#define GROUPS (THREADS / PIECES)
#define PIECES (HEAD_WIDTH / PIECE)

extern "C" __global__ void __launch_bounds__(THREADS) attention_few(
    const Q_TYPE* __restrict__ q, const K_TYPE* __restrict__ k, const V_TYPE* __restrict__ v, const KP_TYPE* __restrict__ k_past, const VP_TYPE* __restrict__ v_past,
    const int* __restrict__ first, const int* __restrict__ last, const int* __restrict__ position,
    O_TYPE* __restrict__ o, LSE_TYPE* __restrict__ lse)
{
    DYNAMIC_SHARED(shared);
    float* weights = reinterpret_cast<float*>(shared);
    __shared__ float turned[HEAD_WIDTH];
    __shared__ float sums[GROUPS][HEAD_WIDTH];

    const int query = blockIdx.x % QUERIES, head = blockIdx.x / QUERIES % HEADS, batch = blockIdx.x / QUERIES / HEADS;
    const Range range = visible_slots(first, last, batch, query);
    const int count = max(range.to - range.from + 1, 0);

    for (int column = threadIdx.x; column < HEAD_WIDTH; column += THREADS)
        turned[column] = to_float(AT(Q, q, batch, query, head)[column]) * (SCALE * LOG2_E);
    __syncthreads();
#if ROPE
    for (int pair = threadIdx.x; pair < HEAD_WIDTH / 2; pair += THREADS)
        rotate(turned[2 * pair], turned[2 * pair + 1], rotation_at(query_position(position, query), pair));
    __syncthreads();
#endif

    float largest = -INFINITY_F;
    for (int i = threadIdx.x; i < count; i += THREADS)
    {
        const int slot = range.from + i;
        float score = 0;
        for (int column = 0; column < HEAD_WIDTH; column += PIECE)
        {
            float x[PIECE];
            if (slot < PAST)
                load_parts<KP_VECTOR>(AT(KP, k_past, batch, slot, head) + column, x);
            else
                load_parts<K_VECTOR>(AT(K, k, batch, slot - PAST, head) + column, x);
#if ROPE
#pragma unroll
            for (int j = 0; j < PIECE; j += 2)
                rotate(x[j], x[j + 1], rotation_at(slot, (column + j) / 2));
#endif
#pragma unroll
            for (int j = 0; j < PIECE; j++)
                score += turned[column + j] * x[j];
        }
        weights[i] = score;
        largest = fmaxf(largest, score);
    }
    largest = block_max<THREADS>(largest);
    float sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS)
    {
        weights[i] = exp2f(weights[i] - largest);
        sum += weights[i];
    }
    sum = block_sum<THREADS>(sum);
    if (threadIdx.x == 0)
        lse[(i64)batch * LSE_BATCH + head * LSE_HEAD + query] = from_float<LSE_TYPE>(count > 0 ? (largest + log2f(sum)) * LN_2 : 0.0f);

    // A group of threads does every GROUPS-th slot, a thread PIECE columns of it.
    const int group = threadIdx.x / PIECES, column = threadIdx.x % PIECES * PIECE;
    if (group < GROUPS)
    {
        float out[PIECE] = {};
        for (int i = group; i < count; i += GROUPS)
        {
            const int slot = range.from + i;
            float x[PIECE];
            if (slot < PAST)
                load_parts<VP_VECTOR>(AT(VP, v_past, batch, slot, head) + column, x);
            else
                load_parts<V_VECTOR>(AT(V, v, batch, slot - PAST, head) + column, x);
#pragma unroll
            for (int j = 0; j < PIECE; j++)
                out[j] += weights[i] * x[j];
        }
#pragma unroll
        for (int j = 0; j < PIECE; j++)
            sums[group][column + j] = out[j];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < HEAD_WIDTH; i += THREADS)
    {
        float total = 0;
        for (int j = 0; j < GROUPS; j++)
            total += sums[j][i];
        AT(O, o, batch, query, head)[i] = from_float<O_TYPE>(count > 0 ? total / sum : 0.0f);
    }
}
