// What all attention kernels know: HEADS and KEY_HEADS, HEAD_WIDTH, WINDOWS of SLOTS queries, PAST cached slots. The keys of a row are
// a stream [past PAST | now QUERIES]; window w sees the PAST + SLOTS stream slots from w * SLOTS on, of which query i
// sees those from first[batch, w] to last[i], counted from the window's first.

#define QUERIES (WINDOWS * SLOTS)
#define STREAM (PAST + QUERIES)
#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f
#define FAR 0x3fffffff

// Columns of a head in tiles and in scratch memory for products on tensor cores, whose sums are of 16: zeros follow those
// that the head has.
#define PADDED_WIDTH ((HEAD_WIDTH + 15) / 16 * 16)

// Which matrix of [BATCH, KEY_HEADS, ..] holds the keys of a head: its own, or the one that all heads of a row share.
#define KEYS_OF(batch, head) ((i64)(batch) * KEY_HEADS + (head) % KEY_HEADS)

// Element 0 of a head in a row of operand X [batch, row, head, HEAD_WIDTH], whose strides are baked in.
#define AT(X, p, batch, row, head) ((p) + (i64)(batch) * X##_BATCH + (i64)(row) * X##_ROW + (head) * X##_HEAD)

// Stream slots from ... to, both included. Nothing is from FAR to -1, which no slot lies in.
struct Range
{
    int from, to;
};

__device__ __forceinline__ Range visible_slots(const int* first, const int* last, int batch, int query)
{
    if (query >= QUERIES)
        return {FAR, -1};
    int window = query / SLOTS, start = window * SLOTS;
    int from = start + max(first[batch * WINDOWS + window], 0);
    int to = start + min(last[query - start], PAST + SLOTS - 1);
    return from <= to ? Range{from, to} : Range{FAR, -1};
}

// Those of them that take a gradient from the query.
__device__ __forceinline__ Range taking_slots(Range sees, int query)
{
#if DETACH_PAST
    sees.from = max(sees.from, PAST + query / SLOTS * SLOTS);
#endif
    return sees.from <= sees.to ? sees : Range{FAR, -1};
}

__device__ __forceinline__ bool contains(Range range, int slot) { return slot >= range.from && slot <= range.to; }

// What a set of queries sees: some of them the slots of `any`, every one that sees anything those of `all`.
struct Sight
{
    Range any, all;
};

#define NO_SIGHT {{FAR, -1}, {-1, FAR}}

__device__ __forceinline__ Sight sight_of(Range x) { return {x, x.to < 0 ? Range{-1, FAR} : x}; }

__device__ __forceinline__ Sight join(Sight a, Sight b)
{
    return {{min(a.any.from, b.any.from), max(a.any.to, b.any.to)}, {max(a.all.from, b.all.from), min(a.all.to, b.all.to)}};
}

// Joins the sights of lanes that differ in the bits from `least` on.
__device__ __forceinline__ Sight join_lanes(Sight x, int least)
{
    for (int mask = 16; mask >= least; mask >>= 1)
    {
        Sight other = {{warp_xor(x.any.from, mask), warp_xor(x.any.to, mask)}, {warp_xor(x.all.from, mask), warp_xor(x.all.to, mask)}};
        x = join(x, other);
    }
    return x;
}

__device__ __forceinline__ bool sees_none(Sight x, int from, int to) { return x.any.to < from || x.any.from > to; }
__device__ __forceinline__ bool sees_all(Sight x, int from, int to) { return x.all.from <= from && x.all.to >= to; }

// Rotary position of a query.
__device__ __forceinline__ int query_position(const int* position, u32 query)
{
    return query / SLOTS * SLOTS + position[query % SLOTS];
}

// N neighbors as floats, by accesses of at most V elements.
template <int V, int N, typename T> __device__ __forceinline__ void load_parts(const T* p, float (&x)[N])
{
    constexpr int W = V < N ? V : N;
#pragma unroll
    for (int i = 0; i < N; i += W)
    {
        Pack<T, W> pack = load_pack<W>(p + i);
#pragma unroll
        for (int j = 0; j < W; j++)
            x[i + j] = to_float(pack.at[j]);
    }
}

template <int V, int N, typename T> __device__ __forceinline__ void store_parts(T* p, const float (&x)[N])
{
    constexpr int W = V < N ? V : N;
#pragma unroll
    for (int i = 0; i < N; i += W)
    {
        Pack<T, W> pack;
#pragma unroll
        for (int j = 0; j < W; j++)
            pack.at[j] = from_float<T>(x[i + j]);
        store_pack(p + i, pack);
    }
}

__device__ __forceinline__ bool is_finite(float x) { return fabsf(x) <= 3.4028235e38f; }
