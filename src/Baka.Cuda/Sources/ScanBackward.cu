// The gradient of a scan, from the last chunk to the first: the states of a chunk are computed anew from those that were kept
// before it, then the adjoint g_t = dy_t c_t + a_(t+1) g_(t+1) runs back through them. The states before every other slot are
// put down on the way up; those before the slots between are made of them a second time on the way down, where all that this
// takes is at hand.
//
// What rows or blocks of channels share is left in parts: decay_parts and, unless SELECTIVE, readout_parts
// [ROWS, STATES, WIDTH]; where SELECTIVE readout_parts and gain_parts [BLOCKS, ROWS, SLOTS, STATES], bias_parts and skip_parts
// [ROWS, WIDTH].

#define WARPS (THREADS / 32)

// For each slot of a chunk, each of a channel's lanes and its states, the sum over the channels of a warp. A lane has PADDED
// numbers, the next power of 2 after HELD: sums over threads halve them again and again.
typedef float ChannelSums[WARPS][LENGTH][LANES * PADDED];

struct Chunk
{
    float upstream[LENGTH][ROW]; // dy, then du
    Given given; // of delta, then the gradient of step
    __align__(16) float before[(LENGTH + 1) / 2][THREADS][HELD]; // h_(t-1) of a thread's states for slots 0, 2, ...
#if SELECTIVE
    ChannelSums readout_sums, gain_sums;
#endif
};

static_assert(sizeof(Chunk) <= BYTES, "a chunk does not fit into the shared memory that was asked for");

// The slope of softplus where it is x > 0, 1 - e^-x: a series near 0, where the difference would lose digits.
__device__ __forceinline__ float slope_of(float x)
{
    float series = fmaf(x, -1.0f / 720, 1.0f / 120);
    series = fmaf(x, -series, 1.0f / 24);
    series = fmaf(x, -series, 1.0f / 6);
    series = fmaf(x, -series, 1.0f / 2);
    series = fmaf(x, -series, 1.0f);
    return x < 0.25f ? x * series : 1.0f - exp2_fast(-LOG2_E * x);
}

#if SELECTIVE
// Where TURNED: of x [N * PADDED] channels that differ in their turn are left with their own state's sum over all of these,
// the first of PADDED numbers.
template <int BIT, int NUMBERS> __device__ __forceinline__ void sum_turns(float (&x)[NUMBERS])
{
    if constexpr (BIT < ORDERS)
    {
#pragma unroll
        for (int i = 0; i < NUMBERS; i += 2 * BIT)
            x[i] += warp_xor(x[i + BIT], BIT * LANES);
        sum_turns<2 * BIT>(x);
    }
}

// The sums over the channels of a warp of what its threads have for N slots from one of the chunk on.
template <int N> __device__ __forceinline__ void sum_warp(ChannelSums to, int slot, float (&x)[N * PADDED], const Place& place)
{
    // Of each slot so many numbers are left, to be summed over so many threads.
    constexpr int LEFT = PADDED / ORDERS;
    constexpr int OVER = 32 / LANES / ORDERS;
    constexpr int NUMBERS = N * LEFT;
    int channel = threadIdx.x % 32 / LANES / ORDERS;
    float sums[NUMBERS];
    sum_turns<1>(x);
#pragma unroll
    for (int i = 0; i < NUMBERS; i++)
        sums[i] = x[i * ORDERS];
    lanes_sums<OVER, LANES * ORDERS, NUMBERS>(sums, channel);
#pragma unroll
    for (int i = 0; i < NUMBERS; i += OVER)
    {
        int number = i + channel;
        if (number < NUMBERS)
            to[threadIdx.x / 32][slot + number / LEFT][place.lane * PADDED + number % LEFT + place.turn()] = sums[i / OVER];
    }
}

// The sums over the block's channels [count, STATES].
__device__ __forceinline__ void sum_block(float* to, const ChannelSums sums, int count)
{
    constexpr int VECTOR = STATES % HELD_VECTOR == 0 ? HELD_VECTOR : 1;
    for (int i = threadIdx.x * VECTOR; i < count * STATES; i += THREADS * VECTOR)
    {
        int t = i / STATES;
        int n = i % STATES;
        float sum[VECTOR] = {};
#pragma unroll
        for (int warp = 0; warp < WARPS; warp++)
        {
            float part[VECTOR];
            load_floats(&sums[warp][t][n / HELD * PADDED + n % HELD], part);
#pragma unroll
            for (int j = 0; j < VECTOR; j++)
                sum[j] += part[j];
        }

        store_floats(to + i, sum);
    }
}
#endif

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) scan_backward(
    const U_TYPE* __restrict__ u, const BEGINS_TYPE* __restrict__ begins, const DECAY_TYPE* __restrict__ decay, const READOUT_TYPE* __restrict__ readout,
    const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain, const BIAS_TYPE* __restrict__ bias, const SKIP_TYPE* __restrict__ skip,
    const float* __restrict__ kept, const DY_TYPE* __restrict__ dy, const DFINAL_TYPE* __restrict__ d_final, DU_TYPE* __restrict__ du, DSTATE_TYPE* __restrict__ d_state, DSTEP_TYPE* __restrict__ d_step,
    float* __restrict__ decay_parts, float* __restrict__ readout_parts, float* __restrict__ gain_parts, float* __restrict__ bias_parts, float* __restrict__ skip_parts)
{
    DYNAMIC_SHARED(memory);
    Chunk& shared = *reinterpret_cast<Chunk*>(memory);
    GivenAhead ahead;
    SlotsAhead<DY_TYPE> upstream_ahead;
    Place place;
    float a[HELD], g[HELD], kept_ahead[HELD], d_decay[HELD] = {};
    load_states(a, decay, 0, place);
    turn(a, place);
#if HAS_FINAL
    load_states(g, d_final, place.row, place);
    turn(g, place);
#else
#pragma unroll
    for (int k = 0; k < HELD; k++)
        g[k] = 0;
#endif
#if SELECTIVE
    float d_bias = 0, d_skip = 0;
    const float skipping = place.at < WIDTH ? to_float(skip[place.at]) : 0;
    shared.given.prepare(bias);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < HELD; k++)
        a[k] *= LOG2_E;
#else
    float c[HELD], d_readout[HELD] = {};
    load_states(c, readout, 0, place);
#endif

    auto read = [&](int chunk)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        ahead.read(u, step, gain, readout, place.row, chunk * LENGTH, count);
        read_slots(upstream_ahead, dy, first, count);
        load_states(kept_ahead, kept, (i64)place.row * CHUNKS + chunk, place);
    };

    read(CHUNKS - 1);
    for (int chunk = CHUNKS - 1; chunk >= 0; chunk--)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        u32 starts = starts_of(begins + first, count);
        float h[HELD];
#pragma unroll
        for (int k = 0; k < HELD; k++)
            h[k] = kept_ahead[k];
        turn(h, place);
        ahead.put(shared.given);
        upstream_ahead.put(shared.upstream);
        __syncthreads();
        if (chunk > 0)
            read(chunk - 1);

        // Most chunks have no beginning in them, and need not ask at every slot.
        auto go_through = [&](auto cut)
        {
            auto motion = [&](int t) { return Motion(a, shared.given, t, cut.value && starts >> t & 1, place); };

            // The thread's states before slot t or, where it is odd, before the one before.
            auto kept_before = [&](int t) { return shared.before[t >> 1][threadIdx.x]; };

            // Keeps the states before every other slot and goes on to those after it.
            auto pass = [&](int t)
            {
                if (t % 2 == 0)
#pragma unroll
                    for (int k = 0; k < HELD; k += HELD_VECTOR)
                    {
                        Pack<float, HELD_VECTOR> part;
#pragma unroll
                        for (int j = 0; j < HELD_VECTOR; j++)
                            part.at[j] = h[k + j];
                        store_pack<HELD_VECTOR>(kept_before(t) + k, part);
                    }

                motion(t).advance(h);
            };

#if SELECTIVE
            // The same for some slots, of which dreadout_t is a sum.
            auto climb = [&](int t, auto slots)
            {
                constexpr int N = slots.value;
                float parts[N * PADDED] = {};
#pragma unroll
                for (int i = 0; i < N; i++)
                {
                    pass(t + i);
                    float upstream = shared.upstream[t + i][place.channel];
#pragma unroll
                    for (int k = 0; k < HELD; k++)
                        parts[i * PADDED + k] = upstream * h[k];
                }

                sum_warp<N>(shared.readout_sums, t, parts, place);
            };

            int up = 0;
            for (; up + GROUP <= count; up += GROUP)
                climb(up, Known<GROUP>());
            for (; up < count; up++)
                climb(up, Known<1>());
#else
#pragma unroll 4
            for (int t = 0; t < count; t++)
                pass(t);
#endif

            // From the states before slot t the lane's parts of du_t, where SELECTIVE without its factor delta_t and what skips, of
            // the gradient of delta_t through a_t and of dgain_t.
            auto retreat = [&](int t, const Motion& motion, const float (&before)[HELD], float& d_added, float& d_delta, float* d_gain)
            {
                float upstream = shared.upstream[t][place.channel];
                d_added = d_delta = 0;
#if SELECTIVE
                float c[HELD];
                held(c, shared.given.readouts[t], place);
#endif
#pragma unroll
                for (int k = 0; k < HELD; k++)
                {
                    g[k] = fmaf(upstream, c[k], g[k]);
                    float handed = g[k] * motion.a[k];
                    float passed = motion.starting ? 0 : before[k];
#if SELECTIVE
                    float exponent = handed * passed;
                    d_decay[k] = fmaf(exponent, motion.delta, d_decay[k]);
                    d_delta = fmaf(exponent, a[k], d_delta);
                    d_added = fmaf(g[k], motion.b[k], d_added);
                    d_gain[k] = g[k] * motion.x;
#else
                    d_readout[k] = fmaf(upstream, fmaf(a[k], passed, motion.x), d_readout[k]);
                    d_decay[k] = fmaf(g[k], passed, d_decay[k]);
                    d_added += g[k];
#endif
                    g[k] = motion.starting ? 0 : handed;
                }
            };

            // What a slot is left with: du, where SELECTIVE also the gradient of step. All lanes have read dy and delta of the
            // slots before they exchange their sums.
            auto settle = [&](int t, float d_added, float d_delta)
            {
#if SELECTIVE
                float delta = shared.given.steps[t][place.channel];
                float x = shared.given.added[t][place.channel];
                float upstream = shared.upstream[t][place.channel];
                float d_step = fmaf(d_delta, LN_2, d_added * x) * slope_of(delta);
                d_bias += d_step;
                d_skip = fmaf(upstream, x, d_skip);
                shared.given.steps[t][place.channel] = d_step;
                d_added = fmaf(d_added, delta, skipping * upstream);
#endif
                shared.upstream[t][place.channel] = d_added;
            };

            auto descend = [&](int t, auto slots)
            {
                constexpr int N = slots.value;
                float d_added[N], d_delta[N], d_gains[N * PADDED] = {};
                float before[HELD];
                if constexpr (N == 1)
                {
                    held(before, kept_before(t));
                    if (t % 2 != 0)
                        motion(t - 1).advance(before);
                    retreat(t, motion(t), before, d_added[0], d_delta[0], d_gains);
                }
                else
                {
#pragma unroll
                    for (int i = N - 2; i >= 0; i -= 2)
                    {
                        held(before, kept_before(t + i));
                        Motion first = motion(t + i), second = motion(t + i + 1);
                        float between[HELD];
#pragma unroll
                        for (int k = 0; k < HELD; k++)
                            between[k] = before[k];
                        first.advance(between);
                        retreat(t + i + 1, second, between, d_added[i + 1], d_delta[i + 1], d_gains + (i + 1) * PADDED);
                        retreat(t + i, first, before, d_added[i], d_delta[i], d_gains + i * PADDED);
                    }
                }

                float added = lanes_sums(d_added, place);
                float delta = 0;
#if SELECTIVE
                delta = lanes_sums(d_delta, place);
                sum_warp<N>(shared.gain_sums, t, d_gains, place);
#endif
                if (place.lane < N)
                    settle(t + place.lane, added, delta);
            };

            int down = count;
            while (down % GROUP != 0)
                descend(--down, Known<1>());
            while (down > 0)
                descend(down -= GROUP, Known<GROUP>());
        };

        if (starts != 0)
            go_through(Known<true>());
        else
            go_through(Known<false>());
        __syncthreads();

#if SELECTIVE
        i64 part = ((i64)(blockIdx.x % BLOCKS) * ROWS * SLOTS + first) * STATES;
        sum_block(readout_parts + part, shared.readout_sums, count);
        sum_block(gain_parts + part, shared.gain_sums, count);
#endif
        store_slots(du, shared.upstream, first, count);
#if SELECTIVE
        store_slots(d_step, shared.given.steps, first, count);
#endif
        __syncthreads();
    }

    turn(g, place);
    turn(d_decay, place);
    store_states(d_state, g, place.row, place);
    store_states(decay_parts, d_decay, place.row, place);
#if SELECTIVE
    d_bias = lanes_sum(d_bias, place);
    d_skip = lanes_sum(d_skip, place);
    if (place.lane == 0 && place.at < WIDTH)
    {
        bias_parts[place.row * WIDTH + place.at] = d_bias;
        skip_parts[place.row * WIDTH + place.at] = d_skip;
    }
#else
    store_states(readout_parts, d_readout, place.row, place);
#endif
}
