// The stream of keys, past and now, to [BATCH, KEY_HEADS, KEY_ROWS, PADDED_WIDTH], each turned to its place and, where
// SWIZZLED, its 16-byte pieces as Hopper.cuh says; where PACK_VALUES, that of values as it is to [BATCH, HEADS, STREAM,
// PADDED_WIDTH], by the blocks whose z is 1. A thread does the same piece of a slot for HEADS_AT_A_TIME heads, which share
// their angles. Rotations are left for the kernels that follow, in `known` [STREAM, PADDED_WIDTH / 2], and
// COUNTERS that are 0, by which their blocks may take their work.

// The heads from `head` on of COUNT.
template <int VECTOR, int COUNT, bool TURN, typename T>
__device__ __forceinline__ void pack_slot(bf16* to, i64 to_head, const T* from, int from_head, int head, int column, const Rotation (&rotations)[4])
{
#pragma unroll
    for (int i = 0; i < HEADS_AT_A_TIME; i++)
        if (head + i < COUNT)
        {
            float x[8];
            load_columns<VECTOR>(from + i * from_head, column, x);
            if constexpr (TURN)
#pragma unroll
                for (int pair = 0; pair < 4; pair++)
                {
#if ONLY_FINITE
                    x[2 * pair] = is_finite(x[2 * pair]) ? x[2 * pair] : 0.0f;
                    x[2 * pair + 1] = is_finite(x[2 * pair + 1]) ? x[2 * pair + 1] : 0.0f;
#endif
                    rotate(x[2 * pair], x[2 * pair + 1], rotations[pair]);
                }
            store_floats(to + i * to_head, x);
        }
}

extern "C" __global__ void __launch_bounds__(THREADS) attention_pack(
    const K_TYPE* __restrict__ k, const KP_TYPE* __restrict__ k_past, const V_TYPE* __restrict__ v, const VP_TYPE* __restrict__ v_past,
    bf16* __restrict__ keys, bf16* __restrict__ values, float* __restrict__ known, int* __restrict__ counters)
{
    const int i = blockIdx.x * THREADS + threadIdx.x, head = blockIdx.y * HEADS_AT_A_TIME;
    if (blockIdx.y == 0 && blockIdx.z == 0 && i < COUNTERS)
        counters[i] = 0;
    if (i >= BATCH * STREAM * PIECES)
        return;
    const int piece = i % PIECES, slot = i / PIECES % STREAM, batch = i / PIECES / STREAM, column = piece * 8;
    Rotation rotations[4];
#if PACK_VALUES
    if (blockIdx.z == 1)
    {
        values += ((i64)(batch * HEADS + head) * STREAM + slot) * PADDED_WIDTH + column;
        if (slot < PAST)
            pack_slot<VP_VECTOR, HEADS, false>(values, STREAM * PADDED_WIDTH, AT(VP, v_past, batch, slot, head) + column, VP_HEAD, head, column, rotations);
        else
            pack_slot<V_VECTOR, HEADS, false>(values, STREAM * PADDED_WIDTH, AT(V, v, batch, slot - PAST, head) + column, V_HEAD, head, column, rotations);
        return;
    }
#endif

#pragma unroll
    for (int pair = 0; pair < 4; pair++)
        rotations[pair] = rotation_at(slot, column / 2 + pair);
#if ROPE
    if (batch == 0 && head == 0)
#pragma unroll
        for (int pair = 0; pair < 4; pair += 2)
            store_pack(
                known + slot * PADDED_WIDTH + column + 2 * pair,
                Pack<float, 4>{{rotations[pair].cosine, rotations[pair].sine, rotations[pair + 1].cosine, rotations[pair + 1].sine}});
#endif
    keys += ((i64)(batch * KEY_HEADS + head) * KEY_ROWS + slot) * PADDED_WIDTH + (SWIZZLED ? piece ^ slot % 8 : piece) * 8;
    if (slot < PAST)
        pack_slot<KP_VECTOR, KEY_HEADS, true>(keys, KEY_ROWS * PADDED_WIDTH, AT(KP, k_past, batch, slot, head) + column, KP_HEAD, head, column, rotations);
    else
        pack_slot<K_VECTOR, KEY_HEADS, true>(keys, KEY_ROWS * PADDED_WIDTH, AT(K, k, batch, slot - PAST, head) + column, K_HEAD, head, column, rotations);
}
