// The gradient of a convolution: from a run's last slot to its first, each input takes its share of the z that it reached.
// z are computed anew, also those of the slots behind the run that its inputs reach. Runs go over the slots of the tail,
// too. The gradients of w and bias are left in parts, one for every block's runs: w_parts [PARTS, TAPS, WIDTH] and
// bias_parts [PARTS, WIDTH].

#define RUNS ((TAIL + SLOTS + RUN - 1) / RUN)

// The sum over a block's warps of what each has for its channels.
__device__ __forceinline__ void sum_warps(float* to, const float (&own)[VECTOR], bool exists)
{
    __shared__ Pack<float, VECTOR> parts[WARPS][32];
    int lane = threadIdx.x % 32;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < VECTOR; i++)
        parts[threadIdx.x / 32][lane].at[i] = own[i];
    __syncthreads();
    if (threadIdx.x >= 32 || !exists)
        return;
    float sum[VECTOR] = {};
#pragma unroll
    for (int warp = 0; warp < WARPS; warp++)
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            sum[i] += parts[warp][lane].at[i];
    store_floats(to, sum);
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) convolution_backward(
    const X_TYPE* __restrict__ x, const BEGINS_TYPE* __restrict__ begins, const TAIL_TYPE* __restrict__ tail, const W_TYPE* __restrict__ w,
    const BIAS_TYPE* __restrict__ bias, const DY_TYPE* __restrict__ dy, const DNEXT_TYPE* __restrict__ d_next, DX_TYPE* __restrict__ dx,
    DTAIL_TYPE* __restrict__ d_tail, float* __restrict__ w_parts, float* __restrict__ bias_parts)
{
    Place place(RUNS);
    int first = place.run * RUN - TAIL;
    int end = min(first + RUN, SLOTS);

    // Of the slots behind the run, those that its inputs may reach come first.
    int last = min(end + TAIL, SLOTS) - 1;
    bool exists = place.vector < VECTORS;
    float d_weight[TAPS][VECTOR] = {};
    float d_bias[VECTOR] = {};
    float weight[TAPS][VECTOR] = {};
    float offset[VECTOR] = {};
    float inputs[TAPS][VECTOR] = {}; // of the slot, the one before, ...
    float upstream[TAPS][VECTOR] = {}; // dz of the slot, the next, ...
    int ahead = -1; // how many slots ahead an input reaches

    // From slot top to slot bottom.
    auto go_through = [&](int top, int bottom, auto plain)
    {
        if (plain.value)
            ahead = TAIL;
        for (; top >= bottom; top -= STRIDE)
        {
            Pack<X_TYPE, VECTOR> inputs_given[STRIDE];
            Pack<DY_TYPE, VECTOR> upstream_given[STRIDE];
#pragma unroll
            for (int k = 0; k < STRIDE; k++)
                if (plain.value && top - k >= bottom)
                {
                    inputs_given[k] = load_pack<VECTOR>(place.input(x, top - k - TAIL));
                    upstream_given[k] = load_pack<VECTOR>(dy + place.in_slots(top - k));
                }
#pragma unroll
            for (int k = 0; k < STRIDE; k++)
            {
                int slot = top - k;
                if (slot < bottom)
                    break;
                move_up(upstream);
                move_down(inputs);
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                    upstream[0][i] = 0;
                if (plain.value || slot >= 0)
                {
                    int reach = plain.value ? TAIL : 0;
                    if (plain.value)
                    {
                        to_floats(inputs_given[k], inputs[TAIL]);
                        to_floats(upstream_given[k], upstream[0]);
                    }
                    else
                    {
                        place.load_input(x, tail, slot - TAIL, inputs[TAIL]);
                        load_floats(dy + place.in_slots(slot), upstream[0]);
                        while (reach < TAIL && (slot - reach < 0 || !place.begins(begins, slot - reach)))
                            reach++;
                    }

                    float z[VECTOR];
                    convolve(z, inputs, weight, offset, reach);
#pragma unroll
                    for (int i = 0; i < VECTOR; i++)
                    {
                        float s = sigmoid(z[i]);
                        upstream[0][i] *= s * fmaf(z[i], 1.0f - s, 1.0f);
                    }
                }
                if (!plain.value)
                    ahead = slot + 1 >= 0 && slot + 1 < SLOTS && place.begins(begins, slot + 1) ? 0 : min(TAIL, ahead + 1);
                if (slot >= end)
                    continue;

                float sum[VECTOR] = {};
#if HAS_NEXT
                int left = SLOTS - 1 - slot;
                if (!plain.value && left < TAIL && ahead == left)
                    load_floats(d_next + place.in_tail(-1 - left), sum);
#endif
#pragma unroll
                for (int back = 0; back < TAPS; back++)
                    if (plain.value || back <= ahead)
#pragma unroll
                        for (int i = 0; i < VECTOR; i++)
                        {
                            sum[i] = fmaf(upstream[back][i], weight[TAIL - back][i], sum[i]);
                            d_weight[TAIL - back][i] = fmaf(upstream[back][i], inputs[0][i], d_weight[TAIL - back][i]);
                        }
#pragma unroll
                for (int i = 0; i < VECTOR; i++)
                    d_bias[i] += upstream[0][i];
                if (plain.value || slot >= 0)
                    store_floats(dx + place.row * (i64)DX_ROW_STRIDE + slot * (i64)DX_STRIDE + place.vector * VECTOR, sum);
                else
                    store_floats(d_tail + place.in_tail(slot), sum);
            }
        }
    };

    if (exists && place.run < RUNS)
    {
        place.load_weights(w, bias, weight, offset);
#pragma unroll
        for (int back = 0; back < TAIL; back++)
            if (last - back >= -TAIL)
                place.load_input(x, tail, last - back, inputs[back + 1]);
    }

    // Most slots are plain ones, at no end and near no beginning, for which nothing has to be asked. A warp looks at 32 together
    // and goes through as many as are like the first.
    if (place.run < RUNS)
        for (int top = last, count; top >= first; top -= count)
        {
            u32 care = warp_ballot(place.needs_care(begins, top - threadIdx.x % 32));
            u32 unlike = care & 1 ? ~care : care;
            count = min(unlike != 0 ? __ffs(unlike) - 1 : 32, top - first + 1);
            if (!exists)
                continue;
            if (care & 1)
                go_through(top, top - count + 1, Known<false>());
            else
                go_through(top, top - count + 1, Known<true>());
        }

#pragma unroll
    for (int j = 0; j < TAPS; j++)
        sum_warps(w_parts + place.in((i64)place.group * TAPS + j), d_weight[j], exists);
    sum_warps(bias_parts + place.in(place.group), d_bias, exists);
}
