// The gradient of a convolution: from a run's last slot to its first, each input takes its share of the z that it reached.
// z are computed anew, also those of the slots behind the run that its inputs reach. Runs go over the slots of the tail,
// too. The gradients of w and bias are left in parts, one for every run of every row: w_parts [ROWS * RUNS, TAPS, WIDTH] and
// bias_parts [ROWS * RUNS, WIDTH].

#define RUNS ((TAIL + SLOTS + RUN - 1) / RUN)

extern "C" __global__ void __launch_bounds__(THREADS) convolution_backward(
    const X_TYPE* __restrict__ x, const BEGINS_TYPE* __restrict__ begins, const TAIL_TYPE* __restrict__ tail, const W_TYPE* __restrict__ w,
    const BIAS_TYPE* __restrict__ bias, const DY_TYPE* __restrict__ dy, const DNEXT_TYPE* __restrict__ d_next, DX_TYPE* __restrict__ dx,
    DTAIL_TYPE* __restrict__ d_tail, float* __restrict__ w_parts, float* __restrict__ bias_parts)
{
    Place place(RUNS);
    if (place.vector >= VECTORS)
        return;

    int first = place.run * RUN - TAIL;
    int end = min(first + RUN, SLOTS);

    // Of the slots behind the run, those that its inputs may reach come first.
    int last = min(end + TAIL, SLOTS) - 1;

    // How many slots ahead an input reaches.
    int ahead = -1;

    float weight[TAPS][VECTOR];
    float offset[VECTOR];
    float inputs[TAPS][VECTOR] = {}; // of the slot, the one before, ...
    float upstream[TAPS][VECTOR] = {}; // dz of the slot, the next, ...
    float d_weight[TAPS][VECTOR] = {};
    float d_bias[VECTOR] = {};
#pragma unroll
    for (int j = 0; j < TAPS; j++)
        load_floats(w + place.in(j), weight[j]);
    load_floats(bias + place.in(0), offset);
#pragma unroll
    for (int back = 0; back < TAIL; back++)
        if (last - back >= -TAIL)
            place.load_input(x, tail, last - back, inputs[back + 1]);

    for (int slot = last; slot >= first; slot--)
    {
#pragma unroll
        for (int back = TAIL; back > 0; back--)
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
            {
                upstream[back][i] = upstream[back - 1][i];
                inputs[TAIL - back][i] = inputs[TAIL - back + 1][i];
            }
        if (slot >= 0)
            place.load_input(x, tail, slot - TAIL, inputs[TAIL]);
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            upstream[0][i] = 0;
        if (slot >= 0)
        {
            int reach = 0;
            while (reach < TAIL && (slot - reach < 0 || !place.begins(begins, slot - reach)))
                reach++;
            float z[VECTOR];
            convolve(z, inputs, weight, offset, reach);
            load_floats(dy + place.in_slots(slot), upstream[0]);
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
            {
                float s = sigmoid(z[i]);
                upstream[0][i] *= s * fmaf(z[i], 1.0f - s, 1.0f);
            }
        }
        bool cut = slot + 1 >= 0 && slot + 1 < SLOTS && place.begins(begins, slot + 1);
        ahead = cut ? 0 : min(TAIL, ahead + 1);
        if (slot >= end)
            continue;

        float sum[VECTOR] = {};
#if HAS_NEXT
        int left = SLOTS - 1 - slot;
        if (left < TAIL && ahead == left)
            load_floats(d_next + place.in_tail(-1 - left), sum);
#endif
#pragma unroll
        for (int back = 0; back < TAPS; back++)
            if (back <= ahead && slot + back >= 0)
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                {
                    sum[i] = fmaf(upstream[back][i], weight[TAIL - back][i], sum[i]);
                    d_weight[TAIL - back][i] = fmaf(upstream[back][i], inputs[0][i], d_weight[TAIL - back][i]);
                }
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            d_bias[i] += upstream[0][i];
        if (slot >= 0)
            store_floats(dx + place.row * (i64)DX_ROW_STRIDE + slot * (i64)DX_STRIDE + place.vector * VECTOR, sum);
        else
            store_floats(d_tail + place.in_tail(slot), sum);
    }

    i64 part = (i64)place.row * RUNS + place.run;
#pragma unroll
    for (int j = 0; j < TAPS; j++)
        store_floats(w_parts + place.in(part * TAPS + j), d_weight[j]);
    store_floats(bias_parts + place.in(part), d_bias);
}
