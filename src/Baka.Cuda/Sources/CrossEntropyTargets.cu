// The logit of each row's target, x[row] . w[targets[row]], as f32; 0 where the target is -1. A warp takes a row.

extern "C" __global__ void __launch_bounds__(THREADS) target_logits(
    const bf16* __restrict__ x, const bf16* __restrict__ w, const int* __restrict__ targets, float* __restrict__ result)
{
    const int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (row >= ROWS)
        return;

    const int target = targets[row];
    const float own = target < 0 ? 0 : logit(x, w, row, target);
    if (threadIdx.x % 32 == 0)
        result[row] = own;
}
