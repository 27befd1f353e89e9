// The recurrence itself: y [ROWS, SLOTS, WIDTH], the state after the last slot and those before every chunk.

extern "C" __global__ void __launch_bounds__(THREADS) scan_forward(
    const U_TYPE* __restrict__ u, const BEGINS_TYPE* __restrict__ begins, const STATE_TYPE* __restrict__ state, const DECAY_TYPE* __restrict__ decay,
    const READOUT_TYPE* __restrict__ readout, const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain,
    Y_TYPE* __restrict__ y, FINAL_TYPE* __restrict__ last, float* __restrict__ kept)
{
    __shared__ float added[LENGTH][CHANNELS];
    __shared__ float starts[LENGTH];
#if SELECTIVE
    __shared__ float steps[LENGTH][CHANNELS];
    __shared__ float gains[LENGTH][STATES];
    __shared__ float readouts[LENGTH][STATES];
#endif
    Place place;
    float h[HELD], a[HELD];
    load_states(h, state, place.row, place);
    load_states(a, decay, 0, place);
#if !SELECTIVE
    float c[HELD];
    load_states(c, readout, 0, place);
#endif

    for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        store_states(kept, h, (i64)place.row * CHUNKS + chunk, place);
        load_slots(added, u, first, count);
        for (int t = threadIdx.x; t < count; t += THREADS)
            starts[t] = to_float(begins[first + t]);
#if SELECTIVE
        load_slots(steps, step, first, count);
        load_shared(gains, gain, first, count);
        load_shared(readouts, readout, first, count);
#endif
        __syncthreads();
#pragma unroll 4
        for (int t = 0; t < count; t++)
        {
            float x = added[t][place.channel];
            bool starting = starts[t] != 0;
            float sum = 0;
#pragma unroll
            for (int k = 0; k < HELD; k++)
                if (place.state(k) < STATES)
                {
                    float before = starting ? 0 : h[k];
#if SELECTIVE
                    h[k] = fmaf(exponential(steps[t][place.channel] * a[k]), before, x * gains[t][place.state(k)]);
                    sum = fmaf(h[k], readouts[t][place.state(k)], sum);
#else
                    h[k] = fmaf(a[k], before, x);
                    sum = fmaf(h[k], c[k], sum);
#endif
                }

            // All lanes have read u_t before they exchange their sums.
            sum = lanes_sum(sum);
            if (place.lane == 0)
                added[t][place.channel] = sum;
        }
        __syncthreads();
        store_slots(y, added, first, count);
        __syncthreads();
    }

    store_states(last, h, place.row, place);
}
