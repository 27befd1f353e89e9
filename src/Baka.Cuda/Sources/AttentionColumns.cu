// Pieces of a head's columns as they lie among those of other heads. Behind HEAD_WIDTH they give zeros and take nothing:
// the next head's columns, or memory of nobody, may lie there, and 0 times NaN is NaN.

#define PIECES (PADDED_WIDTH / 8)

__device__ __forceinline__ bool is_column(int column) { return HEAD_WIDTH == PADDED_WIDTH || column < HEAD_WIDTH; }

// Columns `column` ... `column` + N - 1 of a head, which lie at p, as floats. Accesses are of at most V elements: a divisor
// of HEAD_WIDTH, so that none has columns of this head and of another.
template <int V, int N, typename T> __device__ __forceinline__ void load_columns(const T* p, int column, float (&x)[N])
{
    constexpr int W = V < N ? V : N;
#pragma unroll
    for (int i = 0; i < N; i += W)
    {
        float part[W] = {};
        if (is_column(column + i))
            load_parts<W>(p + i, part);
#pragma unroll
        for (int j = 0; j < W; j++)
            x[i + j] = part[j];
    }
}

template <int V, int N, typename T> __device__ __forceinline__ void store_columns(T* p, int column, const float (&x)[N])
{
    constexpr int W = V < N ? V : N;
#pragma unroll
    for (int i = 0; i < N; i += W)
    {
        float part[W];
#pragma unroll
        for (int j = 0; j < W; j++)
            part[j] = x[i + j];
        if (!is_column(column + i))
            continue;
        if constexpr (W == 8 && sizeof(T) == 2)
            store_whole(p + i, part);
        else
            store_parts<W>(p + i, part);
    }
}

// Starts to copy a piece to shared memory, by accesses of VECTOR elements; zeros where it is not `valid` and behind HEAD_WIDTH.
// (Single elements are there at once, but the thread's alone.)
template <int VECTOR> __device__ __forceinline__ void copy_piece(u32 to, const bf16* from, int column, bool valid)
{
#pragma unroll
    for (int i = 0; i < 8; i += VECTOR)
    {
        const bool exists = valid && is_column(column + i);
        if constexpr (VECTOR == 8)
            copy_async_16(to, from, exists);
        else if constexpr (VECTOR > 1)
            copy_async<VECTOR * 2>(to + i * 2, from + i, exists);
        else
            store_shared(to + i * 2, exists ? from[i] : bf16{0});
    }
}
