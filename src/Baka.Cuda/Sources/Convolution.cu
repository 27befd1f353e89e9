// What a short causal convolution y_t = silu(z_t), z_t = bias + sum over j of w_j x_(t - TAPS + 1 + j), every channel by itself,
// and its gradient have in common. A thread takes RUN slots of VECTOR channels of one of the ROWS rows of x [ROWS, SLOTS, WIDTH]; slots below
// 0 are those of tail [ROWS, TAPS - 1, WIDTH]. Inputs before a slot that begins something count as 0 for those from it on.

#define VECTORS (WIDTH / VECTOR)
#define COLUMNS ((VECTORS + THREADS - 1) / THREADS)
#define TAIL (TAPS - 1)

// Block (column, run, row).
struct Place
{
    int vector, run, row;

    __device__ __forceinline__ Place(int runs)
        : vector(blockIdx.x % COLUMNS * THREADS + threadIdx.x), run(blockIdx.x / COLUMNS % runs), row(blockIdx.x / COLUMNS / runs)
    {
    }

    // Where the thread's channels are in row i of a tensor [.., WIDTH].
    __device__ __forceinline__ i64 in(i64 i) const { return i * WIDTH + vector * VECTOR; }
    __device__ __forceinline__ i64 in_slots(int slot) const { return in((i64)row * SLOTS + slot); }
    __device__ __forceinline__ i64 in_tail(int slot) const { return in((i64)row * TAIL + TAIL + slot); }
    __device__ __forceinline__ bool begins(const BEGINS_TYPE* flags, int slot) const { return to_float(flags[(i64)row * SLOTS + slot]) != 0; }

    __device__ __forceinline__ void load_input(const X_TYPE* x, const TAIL_TYPE* tail, int slot, float (&to)[VECTOR]) const
    {
        if (slot >= 0)
            load_floats(x + row * (i64)X_ROW_STRIDE + slot * (i64)X_STRIDE + vector * VECTOR, to);
        else
            load_floats(tail + in_tail(slot), to);
    }
};

// z of a slot, of which inputs[0] is the input and those before it follow, as far as it reaches.
__device__ __forceinline__ void convolve(
    float (&z)[VECTOR], const float (&inputs)[TAPS][VECTOR], const float (&weight)[TAPS][VECTOR], const float (&bias)[VECTOR], int reach)
{
#pragma unroll
    for (int i = 0; i < VECTOR; i++)
        z[i] = bias[i];
#pragma unroll
    for (int back = 0; back < TAPS; back++)
        if (back <= reach)
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
                z[i] = fmaf(weight[TAIL - back][i], inputs[back][i], z[i]);
}
