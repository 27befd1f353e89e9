// Ends what a product has begun: weights [rows, WIDTH], STRIDE elements apart, are e_v = exp(logit_v - own) for every entry
// v of the vocabulary but the target, where they are 0; own is the target's logit. A row of sums [rows, TILES] adds up to
// S = sum(e_v), so softmax_v = e_v / (1 + S), and 1 / (1 + S) for the target:
//
//     nll = log(1 + S), in nats
//     upstream * (softmax - onehot(target)) = factor * e, where factor = upstream / (1 + S) and the target's e is now -S.
//
// The target's share is a sum of the others', so nothing cancels where it is nearly 1. Target -1: 0 nats, factor 0; the
// weights are 0 already.
//
// A block takes a row. Beyond LIMIT, which a NaN is not, S and its weights may be more than numbers can hold; the block then
// makes the row's logits again, and weights relative to the greatest of them: exp(own - greatest) takes the place of 1.

#define LOG2_E 1.4426950408889634f

// What weights are relative to, as a logit, and their sum.
struct Weighed
{
    float reference, sum;
};

__device__ __forceinline__ Weighed weigh(const bf16* x, const bf16* w, int row, int target, bf16* weights)
{
    float greatest = -INFINITY_F;
    for (int v = threadIdx.x / 32; v < WIDTH; v += THREADS / 32)
    {
        const bf16 rounded = from_float<bf16>(logit(x, w, row, v));
        if (v != target)
            greatest = fmaxf(greatest, to_float(rounded));
        if (threadIdx.x % 32 == 0)
            weights[v] = rounded;
    }

    // The barriers inside also part writing from reading.
    greatest = block_max<THREADS>(greatest);
    float sum = 0;
    for (int v = threadIdx.x; v < WIDTH; v += THREADS)
    {
        const float weight = v == target ? 0 : exp2_fast((to_float(weights[v]) - greatest) * LOG2_E);
        weights[v] = from_float<bf16>(weight);
        sum += weight;
    }
    return {greatest, block_sum<THREADS>(sum)};
}

extern "C" __global__ void __launch_bounds__(THREADS) cross_entropy_weights(
    const bf16* x, const bf16* w, const int* targets, const float* target_logits, const float* sums, const UPSTREAM_TYPE* upstream, bf16* weights,
    NLL_TYPE* nll, float* factors)
{
    const int row = blockIdx.x, target = targets[row];
    if (target < 0)
    {
        if (threadIdx.x == 0)
        {
            nll[row] = from_float<NLL_TYPE>(0);
            factors[row] = 0;
        }
        return;
    }

    weights += (i64)row * STRIDE;
    sums += (i64)row * TILES;
    float sum = 0;
    for (int i = threadIdx.x; i < TILES; i += THREADS)
        sum += sums[i];

    const float own = target_logits[row];
    Weighed others = {own, block_sum<THREADS>(sum)};
    if (others.sum > LIMIT)
        others = weigh(x, w, row, target, weights);
    if (threadIdx.x > 0)
        return;

    const float total = exp2_fast((own - others.reference) * LOG2_E) + others.sum;
    nll[row] = from_float<NLL_TYPE>(others.reference - own + __logf(total));
    factors[row] = to_float(upstream[row]) / total;

    // Behind the barriers inside, other threads' weights are written.
    weights[target] = from_float<bf16>(-others.sum);
}
