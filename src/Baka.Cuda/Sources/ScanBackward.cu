// The gradient of a scan, from the last chunk to the first: the states of a chunk are computed anew from the one that
// was kept, then the adjoint g_t = dy_t c_t + a_(t+1) g_(t+1) runs back through them.
//
// What rows or blocks of channels share is left in parts: decay_parts and, unless SELECTIVE, readout_parts
// [ROWS, STATES, WIDTH]; where SELECTIVE readout_parts and gain_parts [BLOCKS, ROWS, SLOTS, STATES].

// A channel more than there are, so that threads with neighboring states meet different banks.
typedef float States[STATES][CHANNELS + 1];

struct Chunk
{
    States states[LENGTH]; // h_t, and from the last slot on g_t
    float added[LENGTH][CHANNELS];
    float upstream[LENGTH][CHANNELS]; // dy, then du
    float starts[LENGTH];
#if SELECTIVE
    float steps[LENGTH][CHANNELS]; // step, then its gradient
    float gains[LENGTH][STATES];
    float readouts[LENGTH][STATES];
#endif
};

// to[t, n] = sum over the block's channels of x[t, channel] * states[t, n, channel].
__device__ __forceinline__ void sum_channels(float* to, const float (*x)[CHANNELS], const States* states, int count)
{
    for (int i = threadIdx.x; i < count * STATES; i += THREADS)
    {
        int t = i / STATES;
        int n = i % STATES;
        float sum = 0;
#pragma unroll 8
        for (int channel = 0; channel < CHANNELS; channel++)
            sum = fmaf(x[t][channel], states[t][n][channel], sum);
        to[i] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) scan_backward(
    const U_TYPE* __restrict__ u, const BEGINS_TYPE* __restrict__ begins, const DECAY_TYPE* __restrict__ decay, const READOUT_TYPE* __restrict__ readout,
    const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain, const float* __restrict__ kept, const DY_TYPE* __restrict__ dy,
    const DFINAL_TYPE* __restrict__ d_final, DU_TYPE* __restrict__ du, DSTATE_TYPE* __restrict__ d_state, DSTEP_TYPE* __restrict__ d_step,
    float* __restrict__ decay_parts, float* __restrict__ readout_parts, float* __restrict__ gain_parts)
{
    DYNAMIC_SHARED(memory);
    Chunk& shared = *reinterpret_cast<Chunk*>(memory);
    Place place;
    float a[HELD], g[HELD], d_decay[HELD] = {};
    load_states(a, decay, 0, place);
#if HAS_FINAL
    load_states(g, d_final, place.row, place);
#else
    for (int k = 0; k < HELD; k++)
        g[k] = 0;
#endif
#if !SELECTIVE
    float c[HELD], d_readout[HELD] = {};
    load_states(c, readout, 0, place);
#endif

    for (int chunk = CHUNKS - 1; chunk >= 0; chunk--)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        load_slots(shared.added, u, first, count);
        load_slots(shared.upstream, dy, first, count);
        for (int t = threadIdx.x; t < count; t += THREADS)
            shared.starts[t] = to_float(begins[first + t]);
#if SELECTIVE
        load_slots(shared.steps, step, first, count);
        load_shared(shared.gains, gain, first, count);
        load_shared(shared.readouts, readout, first, count);
#endif
        __syncthreads();

        float before_all[HELD], h[HELD];
        load_states(before_all, kept, (i64)place.row * CHUNKS + chunk, place);
#pragma unroll
        for (int k = 0; k < HELD; k++)
            h[k] = before_all[k];
#pragma unroll 4
        for (int t = 0; t < count; t++)
        {
            float x = shared.added[t][place.channel];
            bool starting = shared.starts[t] != 0;
#pragma unroll
            for (int k = 0; k < HELD; k++)
                if (place.state(k) < STATES)
                {
                    float before = starting ? 0 : h[k];
#if SELECTIVE
                    h[k] = fmaf(exponential(shared.steps[t][place.channel] * a[k]), before, x * shared.gains[t][place.state(k)]);
#else
                    h[k] = fmaf(a[k], before, x);
#endif
                    shared.states[t][place.state(k)][place.channel] = h[k];
                }
        }
#if SELECTIVE
        __syncthreads();
        i64 part = ((i64)(blockIdx.x % BLOCKS) * ROWS * SLOTS + first) * STATES;
        sum_channels(readout_parts + part, shared.upstream, shared.states, count);
        __syncthreads();
#endif

#pragma unroll 2
        for (int t = count - 1; t >= 0; t--)
        {
            float x = shared.added[t][place.channel];
            float upstream = shared.upstream[t][place.channel];
            bool starting = shared.starts[t] != 0;
            float d_added = 0;
#if SELECTIVE
            float delta = shared.steps[t][place.channel];
            float d_delta = 0;
#endif
#pragma unroll
            for (int k = 0; k < HELD; k++)
                if (place.state(k) < STATES)
                {
                    int n = place.state(k);
                    float before = starting ? 0 : t == 0 ? before_all[k] : shared.states[t - 1][n][place.channel];
#if SELECTIVE
                    float factor = exponential(delta * a[k]);
                    g[k] = fmaf(upstream, shared.readouts[t][n], g[k]);
                    float exponent = g[k] * before * factor;
                    d_decay[k] = fmaf(exponent, delta, d_decay[k]);
                    d_delta = fmaf(exponent, a[k], d_delta);
                    d_added = fmaf(g[k], shared.gains[t][n], d_added);
                    shared.states[t][n][place.channel] = g[k];
#else
                    float factor = a[k];
                    g[k] = fmaf(upstream, c[k], g[k]);
                    d_readout[k] = fmaf(upstream, fmaf(factor, before, x), d_readout[k]);
                    d_decay[k] = fmaf(g[k], before, d_decay[k]);
                    d_added += g[k];
#endif
                    g[k] = starting ? 0 : g[k] * factor;
                }

            // All lanes have read dy_t and step_t before they exchange their sums.
            d_added = lanes_sum(d_added);
#if SELECTIVE
            d_delta = lanes_sum(d_delta);
#endif
            if (place.lane == 0)
            {
                shared.upstream[t][place.channel] = d_added;
#if SELECTIVE
                shared.steps[t][place.channel] = d_delta;
#endif
            }
        }
        __syncthreads();
        store_slots(du, shared.upstream, first, count);
#if SELECTIVE
        store_slots(d_step, shared.steps, first, count);
        sum_channels(gain_parts + part, shared.added, shared.states, count);
#endif
        __syncthreads();
    }

    store_states(d_state, g, place.row, place);
    store_states(decay_parts, d_decay, place.row, place);
#if !SELECTIVE
    store_states(readout_parts, d_readout, place.row, place);
#endif
}
