// The recurrence itself: y [ROWS, SLOTS, WIDTH], the state after the last slot and those before every chunk.

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) scan_forward(
    const U_TYPE* __restrict__ u, const BEGINS_TYPE* __restrict__ begins, const STATE_TYPE* __restrict__ state, const DECAY_TYPE* __restrict__ decay,
    const READOUT_TYPE* __restrict__ readout, const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain,
    const BIAS_TYPE* __restrict__ bias, const SKIP_TYPE* __restrict__ skip, Y_TYPE* __restrict__ y, FINAL_TYPE* __restrict__ last, float* __restrict__ kept)
{
    __shared__ __align__(16) Given given;
    __shared__ __align__(16) float sums[LENGTH][ROW];
    GivenAhead ahead;
    Place place;
    float h[HELD], a[HELD];
    load_states(h, state, place.row, place);
    load_states(a, decay, 0, place);
#if SELECTIVE
    __shared__ float skips[CHANNELS];
    load_channels(skips, skip);
    given.prepare(bias);
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
        ahead.read(u, step, gain, readout, place.row, chunk * LENGTH, min(LENGTH, SLOTS - chunk * LENGTH));
    };

    read(0);
    for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
        i64 first = (i64)place.row * SLOTS + chunk * LENGTH;
        int count = min(LENGTH, SLOTS - chunk * LENGTH);
        u32 starts = starts_of(begins + first, count);
        store_states(kept, h, (i64)place.row * CHUNKS + chunk, place);
        ahead.put(given);
        __syncthreads();
        if (chunk + 1 < CHUNKS)
            read(chunk + 1);

        // The lane's part of y_t.
        auto read_out = [&](int t, auto cut)
        {
            Motion(a, given, t, cut.value && starts >> t & 1, place).advance(h);
            float sum = 0;
#if SELECTIVE
            float c[HELD];
            held(c, given.readouts[t], place);
#endif
#pragma unroll
            for (int k = 0; k < HELD; k++)
                sum = fmaf(h[k], c[k], sum);
            return sum;
        };

        auto leave = [&](int t, float sum)
        {
#if SELECTIVE
            sum = fmaf(skips[place.channel], given.added[t][place.channel], sum);
#endif
            sums[t][place.channel] = sum;
        };

        // Most chunks have no beginning in them, and need not ask at every slot.
        auto go_through = [&](auto cut)
        {
            auto go = [&](int t, auto slots)
            {
                float parts[slots.value];
#pragma unroll
                for (int i = 0; i < slots.value; i++)
                    parts[i] = read_out(t + i, cut);
                float sum = lanes_sums(parts, place);
                if (place.lane < slots.value)
                    leave(t + place.lane, sum);
            };

            int t = 0;
#pragma unroll 2
            for (; t + GROUP <= count; t += GROUP)
                go(t, Known<GROUP>());
            for (; t < count; t++)
                go(t, Known<1>());
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
