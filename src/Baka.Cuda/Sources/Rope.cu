// Rotary positions (arXiv 2104.09864): the pair (2i, 2i + 1) of a head turns by position * theta^(-2i / HEAD_WIDTH).
//
// ROPE_TURNS holds theta^(-2i / HEAD_WIDTH) / 2 pi for every pair, in units of 2^-64 turn. Whole turns fall out of the
// product modulo 2^64, so that the angle is exact to a float's precision at any position. Padding has turns of 0.

#if ROPE
__device__ const u64 rope_turns[PADDED_WIDTH / 2] = ROPE_TURNS;
#endif

struct Rotation
{
    float cosine, sine;
};

// The rotation of a pair at a position, 0 or greater.
__device__ __forceinline__ Rotation rotation_at(int position, int pair)
{
#if ROPE
    u64 turned = (u64)position * rope_turns[pair];
    float angle = (float)(int)(turned >> 32) * 1.4629180792671596e-9f; // 2 pi / 2^32, in -pi ... pi
    return {__cosf(angle), __sinf(angle)};
#else
    return {1.0f, 0.0f};
#endif
}

// Those of N consecutive pairs, 1 or an even number, at a place of the stream, as attention_pack leaves them for all, [STREAM,
// PADDED_WIDTH / 2]: a load costs less than an angle.
template <int N> __device__ __forceinline__ void load_rotations(Rotation (&by)[N], const Rotation* known, int position, int pair)
{
#if ROPE
    load_parts<4>(reinterpret_cast<const float*>(known + position * (PADDED_WIDTH / 2) + pair), reinterpret_cast<float(&)[2 * N]>(by));
#else
#pragma unroll
    for (int i = 0; i < N; i++)
        by[i] = {1.0f, 0.0f};
#endif
}

__device__ __forceinline__ void rotate(float& x, float& y, Rotation by)
{
#if ROPE
    float turned = x * by.cosine - y * by.sine;
    y = x * by.sine + y * by.cosine;
    x = turned;
#endif
}

__device__ __forceinline__ void rotate_back(float& x, float& y, Rotation by) { rotate(x, y, {by.cosine, -by.sine}); }
