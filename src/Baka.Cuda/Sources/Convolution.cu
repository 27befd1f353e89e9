// What a short causal convolution y_t = silu(z_t), z_t = bias + sum over j of w_j x_(t - TAPS + 1 + j), every channel by itself,
// and its gradient have in common. A warp takes RUN slots of one of the ROWS rows of x [ROWS, SLOTS, WIDTH], each lane VECTOR channels of
// them, and a block takes WARPS runs; slots below 0 are those of tail [ROWS, TAPS - 1, WIDTH]. Inputs before a slot that begins something
// count as 0 for those from it on.

#define VECTORS (WIDTH / VECTOR)
#define COLUMNS ((VECTORS + 31) / 32)
#define THREADS (WARPS * 32)
#define TAIL (TAPS - 1)

// Slots whose numbers are loaded together.
#define STRIDE 4

// Block (column, group of runs, row).
struct Place
{
    int vector, run, group, row; // the group among those of all rows

    __device__ __forceinline__ Place(int runs)
    {
        int groups = (runs + WARPS - 1) / WARPS;
        group = blockIdx.x / COLUMNS;
        row = group / groups;
        run = group % groups * WARPS + threadIdx.x / 32;
        vector = blockIdx.x % COLUMNS * 32 + threadIdx.x % 32;
    }

    // Where the thread's channels are in row i of a tensor [.., WIDTH].
    __device__ __forceinline__ i64 in(i64 i) const { return i * WIDTH + vector * VECTOR; }
    __device__ __forceinline__ i64 in_slots(int slot) const { return in((i64)row * SLOTS + slot); }
    __device__ __forceinline__ i64 in_tail(int slot) const { return in((i64)row * TAIL + TAIL + slot); }
    __device__ __forceinline__ bool begins(const BEGINS_TYPE* flags, int slot) const { return to_float(flags[(i64)row * SLOTS + slot]) != 0; }

    // Whether anything begins in slots [first, end) of the row, which may stand out of it on both sides. A warp asks together.
    __device__ __forceinline__ bool any_begins(const BEGINS_TYPE* flags, int first, int end) const
    {
        bool any = false;
        for (int slot = max(first, 0) + threadIdx.x % 32; slot < min(end, SLOTS); slot += 32)
            any |= begins(flags, slot);
        return warp_ballot(any) != 0;
    }

    __device__ __forceinline__ void load_weights(const W_TYPE* w, const BIAS_TYPE* bias, float (&weight)[TAPS][VECTOR], float (&offset)[VECTOR]) const
    {
#pragma unroll
        for (int j = 0; j < TAPS; j++)
            load_floats(w + in(j), weight[j]);
        load_floats(bias + in(0), offset);
    }

    // Whether outputs near a slot reach out of the row, or anything begins among the inputs that they and it are made of.
    __device__ __forceinline__ bool needs_care(const BEGINS_TYPE* flags, int slot) const
    {
        bool care = slot < TAIL || slot + TAIL >= SLOTS;
#pragma unroll
        for (int near = 1 - TAIL; near <= TAIL; near++)
            care |= slot + near >= 0 && slot + near < SLOTS && begins(flags, slot + near);
        return care;
    }

    // The input of a slot from 0 on.
    __device__ __forceinline__ const X_TYPE* input(const X_TYPE* x, int slot) const { return x + row * (i64)X_ROW_STRIDE + slot * (i64)X_STRIDE + vector * VECTOR; }

    __device__ __forceinline__ void load_input(const X_TYPE* x, const TAIL_TYPE* tail, int slot, float (&to)[VECTOR]) const
    {
        if (slot >= 0)
            load_floats(input(x, slot), to);
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

// The next slot's turn, upwards or downwards: the numbers of each slot move on by one.
__device__ __forceinline__ void move_up(float (&x)[TAPS][VECTOR])
{
#pragma unroll
    for (int back = TAIL; back > 0; back--)
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            x[back][i] = x[back - 1][i];
}

__device__ __forceinline__ void move_down(float (&x)[TAPS][VECTOR])
{
#pragma unroll
    for (int back = 0; back < TAIL; back++)
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            x[back][i] = x[back + 1][i];
}
