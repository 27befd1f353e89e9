// The gradient of a scan, from the last chunk to the first and in it from the last tile of TILE slots to the first: the states
// of a tile are computed anew from those that were kept before the chunk, then the adjoint
// g_t = dy_t c_t + a_(t+1) g_(t+1) runs back through them.
//
// What rows or blocks of channels share is left in parts: decay_parts and, unless SELECTIVE, readout_parts
// [ROWS, STATES, WIDTH]; where SELECTIVE readout_parts and gain_parts [BLOCKS, ROWS, SLOTS, STATES], bias_parts and skip_parts
// [ROWS, WIDTH].

// Two channels more than there are: neither threads with neighboring states nor those of neighboring channels and lanes
// then meet in a bank.
typedef float States[ROOM][CHANNELS + 2];

struct Chunk
{
    float upstream[LENGTH][CHANNELS]; // dy, then du
    Given given; // of u, then what was added; of delta, then the gradient of step
    States states[1 + TILE]; // h before the tile and after each of its slots, from the last on g_t
};

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

// to[t, n] = sum over the block's channels of x[t, channel] * states[t, n, channel].
__device__ __forceinline__ void sum_channels(float* to, const float (*x)[CHANNELS], const States* states, int count)
{
    for (int i = threadIdx.x; i < count * STATES; i += THREADS)
    {
        int t = i / STATES;
        int n = i % STATES;
        float sums[2] = {};
#pragma unroll
        for (int channel = 0; channel < CHANNELS; channel += 2)
        {
            Pack<float, 2> left = load_pack<2>(&x[t][channel]);
            Pack<float, 2> right = load_pack<2>(&states[t][n][channel]);
            sums[0] = fmaf(left.at[0], right.at[0], sums[0]);
            sums[1] = fmaf(left.at[1], right.at[1], sums[1]);
        }
        to[i] = sums[0] + sums[1];
    }
}

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
#if HAS_FINAL
    load_states(g, d_final, place.row, place);
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
        float chunk_state[HELD];
#pragma unroll
        for (int k = 0; k < HELD; k++)
            chunk_state[k] = kept_ahead[k];
        ahead.put(shared.given);
        upstream_ahead.put(shared.upstream);
        __syncthreads();
        if (chunk > 0)
            read(chunk - 1);

        auto go_through = [&](auto cut)
        {
            for (int tile = (count - 1) / TILE; tile >= 0; tile--)
            {
                int begin = tile * TILE;
                int end = min(count, begin + TILE);
                float h[HELD];
#pragma unroll
                for (int k = 0; k < HELD; k++)
                    h[k] = chunk_state[k];
                auto starts_at = [&](int t) { return cut.value && starts >> t & 1; };
                auto leave = [&](int slot)
                {
#pragma unroll
                    for (int k = 0; k < HELD; k++)
                        shared.states[slot][place.state(k)][place.channel] = h[k];
                };

#pragma unroll 4
                for (int t = 0; t < begin; t++)
                    advance(h, a, shared.given, t, starts_at(t), place);
                leave(0);
#pragma unroll 4
                for (int t = begin; t < end; t++)
                {
                    advance(h, a, shared.given, t, starts_at(t), place);
                    leave(t - begin + 1);
                }

#if SELECTIVE
                __syncthreads();
                i64 part = ((i64)(blockIdx.x % BLOCKS) * ROWS * SLOTS + first + begin) * STATES;
                sum_channels(readout_parts + part, shared.upstream + begin, shared.states + 1, end - begin);
                __syncthreads();
#endif

                // The lane's parts of du_t, where SELECTIVE without its factor delta_t and what skips, and of the gradient of delta_t
                // through a_t.
                auto retreat = [&](int t, float& d_added, float& d_delta)
                {
#if !SELECTIVE
                    float x = shared.given.added[t][place.channel];
#endif
                    float upstream = shared.upstream[t][place.channel];
                    bool starting = starts_at(t);
                    d_added = d_delta = 0;
#if SELECTIVE
                    float delta = shared.given.steps[t][place.channel];
                    float b[HELD], c[HELD];
                    held(b, shared.given.gains[t], place);
                    held(c, shared.given.readouts[t], place);
#endif
#pragma unroll
                    for (int k = 0; k < HELD; k++)
                    {
                        float before = starting ? 0 : shared.states[t - begin][place.state(k)][place.channel];
                        g[k] = fmaf(upstream, c[k], g[k]);
#if SELECTIVE
                        float handed = g[k] * exp2_fast(delta * a[k]);
                        float exponent = handed * before;
                        d_decay[k] = fmaf(exponent, delta, d_decay[k]);
                        d_delta = fmaf(exponent, a[k], d_delta);
                        d_added = fmaf(g[k], b[k], d_added);
                        shared.states[t - begin + 1][place.state(k)][place.channel] = g[k];
#else
                        float handed = g[k] * a[k];
                        d_readout[k] = fmaf(upstream, fmaf(a[k], before, x), d_readout[k]);
                        d_decay[k] = fmaf(g[k], before, d_decay[k]);
                        d_added += g[k];
#endif
                        g[k] = starting ? 0 : handed;
                    }
                };

                // What a slot is left with: du, where SELECTIVE also the gradient of step and what was added, delta * u. All lanes
                // have read dy, u and delta of the slots before they exchange their sums.
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
                    shared.given.added[t][place.channel] = x * delta;
                    d_added = fmaf(d_added, delta, skipping * upstream);
#endif
                    shared.upstream[t][place.channel] = d_added;
                };

                int t = end;
                while ((t - begin) % GROUP != 0)
                {
                    float d_added, d_delta;
                    retreat(--t, d_added, d_delta);
                    d_added = lanes_sum(d_added);
#if SELECTIVE
                    d_delta = lanes_sum(d_delta);
#endif
                    if (place.lane == 0)
                        settle(t, d_added, d_delta);
                }

                while (t > begin)
                {
                    t -= GROUP;
                    float d_added[GROUP], d_delta[GROUP];
#pragma unroll
                    for (int i = GROUP - 1; i >= 0; i--)
                        retreat(t + i, d_added[i], d_delta[i]);
                    float added = lanes_sums(d_added, place.lane);
                    float delta = 0;
#if SELECTIVE
                    delta = lanes_sums(d_delta, place.lane);
#endif
                    if (place.lane < GROUP)
                        settle(t + place.lane, added, delta);
                }

#if SELECTIVE
                __syncthreads();
                sum_channels(gain_parts + part, shared.given.added + begin, shared.states + 1, end - begin);
#endif
                __syncthreads();
            }
        };

        if (starts != 0)
            go_through(Known<true>());
        else
            go_through(Known<false>());

        store_slots(du, shared.upstream, first, count);
#if SELECTIVE
        store_slots(d_step, shared.given.steps, first, count);
#endif
        __syncthreads();
    }

    store_states(d_state, g, place.row, place);
    store_states(decay_parts, d_decay, place.row, place);
#if SELECTIVE
    d_bias = lanes_sum(d_bias);
    d_skip = lanes_sum(d_skip);
    if (place.lane == 0 && place.at < WIDTH)
    {
        bias_parts[place.row * WIDTH + place.at] = d_bias;
        skip_parts[place.row * WIDTH + place.at] = d_skip;
    }
#else
    store_states(readout_parts, d_readout, place.row, place);
#endif
}
