// Sorts the positions 0 .. COUNT - 1 by (index, position): order [COUNT], and keys [COUNT] = the index at each of them. Negative
// indices count as ROWS and so come last.
//
// One block sorts by digits, the lowest first. Each warp has a stretch of the positions; how many of each digit lie before a
// warp's own is found by counting, and inside a warp by votes, so equal digits keep their order.

#define WARPS (THREADS / 32)
#define DIGITS (1 << DIGIT_BITS)
#define STRETCH ((COUNT + THREADS - 1) / THREADS * 32)

// The lanes of the warp that have the same digit as this one; none for a lane without a digit.
__device__ __forceinline__ u32 same_digit(int digit, bool valid)
{
    u32 same = warp_ballot(valid);
#pragma unroll
    for (int bit = 0; bit < DIGIT_BITS; bit++)
    {
        u32 set = warp_ballot(digit >> bit & 1);
        same &= (digit >> bit & 1) ? set : ~set;
    }
    return valid ? same : 0;
}

extern "C" __global__ void __launch_bounds__(THREADS) sort_rows(const int* __restrict__ index, int* keys, int* order, int* spare)
{
    __shared__ int counts[WARPS][DIGITS];
    __shared__ int starts[DIGITS];
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    int begin = warp * STRETCH;
    int end = min(begin + STRETCH, COUNT);
    u32 lower_lanes = (1u << lane) - 1;

    for (int pass = 0; pass < PASSES; pass++)
    {
        // The last pass writes to order.
        int* from = (PASSES - pass) % 2 == 0 ? order : spare;
        int* to = (PASSES - pass) % 2 == 0 ? spare : order;
        auto position_at = [&](int i) { return pass == 0 ? i : from[i]; };
        auto key_of = [&](int position) { return index[position] < 0 ? ROWS : index[position]; };
        auto digit_of = [&](int key) { return (key >> (pass * DIGIT_BITS)) & (DIGITS - 1); };

        for (int i = threadIdx.x; i < WARPS * DIGITS; i += THREADS)
            counts[i / DIGITS][i % DIGITS] = 0;
        __syncthreads();

        for (int base = begin; base < end; base += 32)
        {
            int i = base + lane;
            bool valid = i < end;
            int digit = valid ? digit_of(key_of(position_at(i))) : 0;
            u32 same = same_digit(digit, valid);
            if (valid && (same & lower_lanes) == 0)
                counts[warp][digit] += __popc(same);
            warp_barrier();
        }
        __syncthreads();

        // Turns the counts into the place of each warp's first position with a digit: by digit, then by warp.
        int total = 0;
        if (threadIdx.x < DIGITS)
        {
            for (int w = 0; w < WARPS; w++)
            {
                int count = counts[w][threadIdx.x];
                counts[w][threadIdx.x] = total;
                total += count;
            }
            starts[threadIdx.x] = total;
        }
        for (int distance = 1; distance < DIGITS; distance *= 2)
        {
            __syncthreads();
            int before = threadIdx.x < DIGITS && threadIdx.x >= distance ? starts[threadIdx.x - distance] : 0;
            __syncthreads();
            if (threadIdx.x < DIGITS)
                starts[threadIdx.x] += before;
        }
        if (threadIdx.x < DIGITS)
            for (int w = 0; w < WARPS; w++)
                counts[w][threadIdx.x] += starts[threadIdx.x] - total;
        __syncthreads();

        for (int base = begin; base < end; base += 32)
        {
            int i = base + lane;
            bool valid = i < end;
            int position = valid ? position_at(i) : 0;
            int key = valid ? key_of(position) : 0;
            int digit = digit_of(key);
            u32 same = same_digit(digit, valid);
            int rank = __popc(same & lower_lanes);
            int place = counts[warp][digit] + rank;
            warp_barrier();
            if (valid && rank == 0)
                counts[warp][digit] += __popc(same);
            warp_barrier();
            if (valid)
            {
                to[place] = position;
                if (pass == PASSES - 1)
                    keys[place] = key;
            }
        }
        __syncthreads();
    }
}
