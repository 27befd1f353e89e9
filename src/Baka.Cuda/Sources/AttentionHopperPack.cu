// The keys of the stream, past and now, to [BATCH, KEY_HEADS, KEY_ROWS, 64], each turned to its place and its 16-byte pieces
// swizzled as Hopper.cuh says. A thread does the same piece of a row for HEADS_AT_A_TIME heads, which share their angles.

#define PIECES 8

template <typename T> __device__ __forceinline__ float finite_or_zero(T x)
{
#if ONLY_FINITE
    return is_finite(x) ? x : 0.0f;
#else
    return x;
#endif
}

template <int VECTOR, typename T> __device__ __forceinline__ void pack_row(bf16* to, const T* from, int head_stride, const Rotation (&rotations)[4])
{
#pragma unroll
    for (int head = 0; head < HEADS_AT_A_TIME; head++)
    {
        float x[8];
        load_parts<VECTOR>(from + head * head_stride, x);
#pragma unroll
        for (int pair = 0; pair < 4; pair++)
        {
            x[2 * pair] = finite_or_zero(x[2 * pair]);
            x[2 * pair + 1] = finite_or_zero(x[2 * pair + 1]);
            rotate(x[2 * pair], x[2 * pair + 1], rotations[pair]);
        }
        store_floats(to + (i64)head * KEY_ROWS * HEAD_WIDTH, x);
    }
}

extern "C" __global__ void __launch_bounds__(256) attention_hopper_pack(const K_TYPE* __restrict__ k, const KP_TYPE* __restrict__ past, bf16* __restrict__ y)
{
    const int i = blockIdx.x * 256 + threadIdx.x, head = blockIdx.y * HEADS_AT_A_TIME;
    if (i >= BATCH * STREAM * PIECES)
        return;
    const int piece = i % PIECES, slot = i / PIECES % STREAM, batch = i / PIECES / STREAM;
    Rotation rotations[4];
#pragma unroll
    for (int pair = 0; pair < 4; pair++)
        rotations[pair] = rotation_at(slot, piece * 4 + pair);
    y += ((i64)(batch * KEY_HEADS + head) * KEY_ROWS + slot) * HEAD_WIDTH + (piece ^ slot % 8) * 8;
    if (slot < PAST)
        pack_row<KP_VECTOR>(y, AT(KP, past, batch, slot, head) + piece * 8, KP_HEAD, rotations);
    else
        pack_row<K_VECTOR>(y, AT(K, k, batch, slot - PAST, head) + piece * 8, K_HEAD, rotations);
}
