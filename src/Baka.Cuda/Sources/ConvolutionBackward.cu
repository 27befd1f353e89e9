// The gradient of a convolution: from a run's last slot to its first, each input takes its share of the outputs that it
// reached. Runs go over the slots of the tail, too. The gradients of w and bias are left in parts, one for every run of
// every row: w_parts [ROWS * RUNS, TAPS, WIDTH] and bias_parts [ROWS * RUNS, WIDTH].

#define RUNS ((TAIL + SLOTS + RUN - 1) / RUN)

extern "C" __global__ void __launch_bounds__(THREADS) convolution_backward(
    const X_TYPE* __restrict__ x, const BEGINS_TYPE* __restrict__ begins, const TAIL_TYPE* __restrict__ tail, const W_TYPE* __restrict__ w,
    const DY_TYPE* __restrict__ dy, const DNEXT_TYPE* __restrict__ d_next, DX_TYPE* __restrict__ dx, DTAIL_TYPE* __restrict__ d_tail,
    float* __restrict__ w_parts, float* __restrict__ bias_parts)
{
    Place place(RUNS);
    if (place.vector >= VECTORS)
        return;

    int first = place.run * RUN - TAIL;
    int end = min(first + RUN, SLOTS);

    // How many slots ahead an input reaches; there is nothing behind the last slot.
    int ahead = -1;
    if (end < SLOTS)
        for (ahead = 0; ahead < TAIL && end + ahead + 1 < SLOTS && (end + ahead + 1 < 0 || !place.begins(begins, end + ahead + 1));)
            ahead++;

    float weight[TAPS][VECTOR];
    float upstream[TAPS][VECTOR] = {}; // dy of the slot, the next, ...
    float d_weight[TAPS][VECTOR] = {};
    float d_bias[VECTOR] = {};
#pragma unroll
    for (int j = 0; j < TAPS; j++)
    {
        load_floats(w + place.in(j), weight[j]);
        if (end + j >= 0 && end + j < SLOTS)
            load_floats(dy + place.in_slots(end + j), upstream[j]);
    }

    for (int slot = end - 1; slot >= first; slot--)
    {
#pragma unroll
        for (int back = TAIL; back > 0; back--)
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
                upstream[back][i] = upstream[back - 1][i];
        float input[VECTOR];
        place.load_input(x, tail, slot, input);
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            upstream[0][i] = 0;
        if (slot >= 0)
            load_floats(dy + place.in_slots(slot), upstream[0]);
        bool cut = slot + 1 >= 0 && slot + 1 < SLOTS && place.begins(begins, slot + 1);
        ahead = cut ? 0 : min(TAIL, ahead + 1);

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
                    d_weight[TAIL - back][i] = fmaf(upstream[back][i], input[i], d_weight[TAIL - back][i]);
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
