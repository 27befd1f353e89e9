// y [ROWS, SLOTS, WIDTH] and the tail after the last slot, 0 where it lies before a beginning.

#define RUNS ((SLOTS + RUN - 1) / RUN)

extern "C" __global__ void __launch_bounds__(THREADS) convolution_forward(
    const X_TYPE* __restrict__ x, const BEGINS_TYPE* __restrict__ begins, const TAIL_TYPE* __restrict__ tail, const W_TYPE* __restrict__ w,
    const BIAS_TYPE* __restrict__ bias, Y_TYPE* __restrict__ y, NEXT_TYPE* __restrict__ next)
{
    Place place(RUNS);
    if (place.vector >= VECTORS)
        return;

    int first = place.run * RUN;
    int end = min(first + RUN, SLOTS);

    // How many slots back an output reaches.
    int reach = 0;
    while (reach < TAIL && (first - 1 - reach < 0 || !place.begins(begins, first - 1 - reach)))
        reach++;

    float weight[TAPS][VECTOR], offset[VECTOR];
    float inputs[TAPS][VECTOR] = {}; // the latest first
#pragma unroll
    for (int j = 0; j < TAPS; j++)
        load_floats(w + place.in(j), weight[j]);
    load_floats(bias + place.in(0), offset);
#pragma unroll
    for (int back = 0; back < TAIL; back++)
        if (first - 1 - back >= -TAIL)
            place.load_input(x, tail, first - 1 - back, inputs[back]);

    for (int t = first; t < end; t++)
    {
#pragma unroll
        for (int back = TAIL; back > 0; back--)
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
                inputs[back][i] = inputs[back - 1][i];
        place.load_input(x, tail, t, inputs[0]);
        reach = place.begins(begins, t) ? 0 : min(TAIL, reach + 1);

        float z[VECTOR];
        convolve(z, inputs, weight, offset, reach);
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            z[i] *= sigmoid(z[i]);
        store_floats(y + place.in_slots(t), z);
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
}
