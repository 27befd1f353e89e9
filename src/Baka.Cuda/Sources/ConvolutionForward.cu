// y [ROWS, SLOTS, WIDTH] and the tail after the last slot, 0 where it lies before a beginning.

#define RUNS ((SLOTS + RUN - 1) / RUN)

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) convolution_forward(
    const X_TYPE* __restrict__ x, const BEGINS_TYPE* __restrict__ begins, const TAIL_TYPE* __restrict__ tail, const W_TYPE* __restrict__ w,
    const BIAS_TYPE* __restrict__ bias, Y_TYPE* __restrict__ y, NEXT_TYPE* __restrict__ next)
{
    Place place(RUNS);
    int first = place.run * RUN;
    int end = min(first + RUN, SLOTS);
    bool any = place.any_begins(begins, first - TAIL, end);
    if (place.vector >= VECTORS || place.run >= RUNS)
        return;

    float weight[TAPS][VECTOR], offset[VECTOR];
    float inputs[TAPS][VECTOR] = {}; // the latest first
    place.load_weights(w, bias, weight, offset);
#pragma unroll
    for (int back = 0; back < TAIL; back++)
        if (first - 1 - back >= -TAIL)
            place.load_input(x, tail, first - 1 - back, inputs[back]);

    // Most runs have no beginning in them, and need not ask at every slot.
    auto go_through = [&](auto cut)
    {
        // How many slots back an output reaches.
        int reach = cut.value ? 0 : TAIL;
        while (reach < TAIL && (first - 1 - reach < 0 || !place.begins(begins, first - 1 - reach)))
            reach++;

        for (int begin = first; begin < end; begin += STRIDE)
        {
            Pack<X_TYPE, VECTOR> given[STRIDE];
#pragma unroll
            for (int k = 0; k < STRIDE; k++)
                if (begin + k < end)
                    given[k] = load_pack<VECTOR>(place.input(x, begin + k));
#pragma unroll
            for (int k = 0; k < STRIDE; k++)
            {
                int t = begin + k;
                if (t >= end)
                    break;
                move_up(inputs);
                to_floats(given[k], inputs[0]);
                if (cut.value)
                    reach = place.begins(begins, t) ? 0 : min(TAIL, reach + 1);

                float z[VECTOR];
                convolve(z, inputs, weight, offset, reach);
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                    z[i] *= sigmoid(z[i]);
                store_floats(y + place.in_slots(t), z);
            }
        }

        if (end == SLOTS)
        {
#pragma unroll
            for (int back = 0; back < TAIL; back++)
            {
                float kept[VECTOR];
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                    kept[i] = back <= reach ? inputs[back][i] : 0;
                store_floats(next + place.in_tail(-1 - back), kept);
            }
        }
    };

    if (any)
        go_through(Known<true>());
    else
        go_through(Known<false>());
}
