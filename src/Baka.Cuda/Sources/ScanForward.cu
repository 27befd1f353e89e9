// The recurrence itself: y [ROWS, SLOTS, WIDTH], the state after the last slot and those before every chunk.

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) scan_forward(
    const U_TYPE* __restrict__ u, const BEGINS_TYPE* __restrict__ begins, const STATE_TYPE* __restrict__ state, const DECAY_TYPE* __restrict__ decay,
    const READOUT_TYPE* __restrict__ readout, const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain,
    const BIAS_TYPE* __restrict__ bias, const SKIP_TYPE* __restrict__ skip, Y_TYPE* __restrict__ y, FINAL_TYPE* __restrict__ last, float* __restrict__ kept)
{
    __shared__ __align__(16) float added[LENGTH][CHANNELS];
    __shared__ __align__(16) float sums[LENGTH][CHANNELS];
    SlotsAhead<U_TYPE> added_ahead;
    Place place;
    float h[HELD], a[HELD];
    load_states(h, state, place.row, place);
    load_states(a, decay, 0, place);
#if SELECTIVE
    __shared__ __align__(16) float steps[LENGTH][CHANNELS];
    __shared__ __align__(16) float gains[LENGTH][ROOM];
    __shared__ __align__(16) float readouts[LENGTH][ROOM];
    SlotsAhead<STEP_TYPE> steps_ahead;
    SharedAhead<GAIN_TYPE> gains_ahead;
    SharedAhead<READOUT_TYPE> readouts_ahead;
    __shared__ float biases[CHANNELS];
    __shared__ float skips[CHANNELS];
    load_channels(biases, bias);
    load_channels(skips, skip);
    clear_room(gains);
    clear_room(readouts);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < HELD; k++)
        a[k] *= LOG2_E;
#else
    float c[HELD];
    load_states(c, readout, 0, place);
#endif

    auto read = [&](int chunk)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        read_slots(added_ahead, u, first, count);
#if SELECTIVE
        read_slots(steps_ahead, step, first, count);
        read_shared<GAIN_ROW_STRIDE, GAIN_STRIDE>(gains_ahead, gain, place.row, chunk * LENGTH, count);
        read_shared<READOUT_ROW_STRIDE, READOUT_STRIDE>(readouts_ahead, readout, place.row, chunk * LENGTH, count);
#endif
    };

    read(0);
    for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        u32 starts = starts_of(begins + first, count);
        store_states(kept, h, (i64)place.row * CHUNKS + chunk, place);
        added_ahead.put(added);
#if SELECTIVE
        steps_ahead.put(steps, [&](float x, int channel) { return softplus(x + biases[channel]); });
        gains_ahead.put(gains);
        readouts_ahead.put(readouts);
#endif
        __syncthreads();
        if (chunk + 1 < CHUNKS)
            read(chunk + 1);

        // The lane's part of y_t.
        auto advance = [&](int t, auto cut)
        {
            float x = added[t][place.channel];
            bool starting = cut.value && starts >> t & 1;
            float sum = 0;
#if SELECTIVE
            float delta = steps[t][place.channel];
            x *= delta;
            float b[HELD], c[HELD];
            held(b, gains[t], place);
            held(c, readouts[t], place);
#endif
#pragma unroll
            for (int k = 0; k < HELD; k++)
            {
                float before = starting ? 0 : h[k];
#if SELECTIVE
                h[k] = fmaf(exp2_fast(delta * a[k]), before, x * b[k]);
#else
                h[k] = fmaf(a[k], before, x);
#endif
                sum = fmaf(h[k], c[k], sum);
            }
            return sum;
        };

        auto leave = [&](int t, float sum)
        {
#if SELECTIVE
            sum = fmaf(skips[place.channel], added[t][place.channel], sum);
#endif
            sums[t][place.channel] = sum;
        };

        auto go_through = [&](auto cut)
        {
            int t = 0;
#pragma unroll 2
            for (; t + GROUP <= count; t += GROUP)
            {
                float parts[GROUP];
#pragma unroll
                for (int i = 0; i < GROUP; i++)
                    parts[i] = advance(t + i, cut);
                float sum = lanes_sums(parts, place.lane);
                if (place.lane < GROUP)
                    leave(t + place.lane, sum);
            }

            for (; t < count; t++)
            {
                float sum = lanes_sum(advance(t, cut));
                if (place.lane == 0)
                    leave(t, sum);
            }
        };

        if (starts != 0)
            go_through(Known<true>());
        else
            go_through(Known<false>());
        __syncthreads();
        store_slots(y, sums, first, count);
    }

    store_states(last, h, place.row, place);
}
