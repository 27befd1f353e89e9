// For each row of logits [rows, WIDTH], STRIDE elements apart: nll = log(sum(exp(logits))) - logits[target], in nats; and with
// GRADIENT the logits become upstream * (softmax(logits) - onehot(target)). Target -1: 0 nats and a row of zeros. Without
// GRADIENT, correct = 1 where the target is the argmax of the logits, of equal ones the first; else 0.
//
// A block takes a row. It reads it once, keeping a running maximum and a sum of exponentials relative to it; where the row
// fits, it is HELD in shared memory until it is written back. Rows are padded to whole vectors.

#define LOG2_E 1.4426950408889634f
#define VECTORS ((WIDTH + VECTOR - 1) / VECTOR)

typedef Pack<LOGIT_TYPE, VECTOR> Vector;

// What lies behind the end of a row counts as minus infinity.
__device__ __forceinline__ void unpack(const Vector& vector, int index, float (&x)[VECTOR])
{
#pragma unroll
    for (int i = 0; i < VECTOR; i++)
        x[i] = WIDTH % VECTOR == 0 || index * VECTOR + i < WIDTH ? to_float(vector.at[i]) : -INFINITY_F;
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) cross_entropy(
    LOGIT_TYPE* logits, const int* __restrict__ targets, NLL_TYPE* __restrict__ nll,
#if GRADIENT
    const OTHER_TYPE* __restrict__ upstream)
#else
    OTHER_TYPE* __restrict__ correct)
#endif
{
    DYNAMIC_SHARED(shared);
    Vector* held = reinterpret_cast<Vector*>(shared);
    int row = blockIdx.x;
    int target = targets[row];
    logits += (i64)row * STRIDE;

    if (target < 0)
    {
        float zeros[VECTOR] = {};
        for (int v = threadIdx.x; GRADIENT && v < VECTORS; v += THREADS)
            store_floats(logits + v * VECTOR, zeros);
        if (threadIdx.x == 0)
        {
            nll[row] = from_float<NLL_TYPE>(0);
#if !GRADIENT
            correct[row] = from_float<OTHER_TYPE>(0);
#endif
        }
        return;
    }

    float logit = to_float(logits[target]);
    float largest = -INFINITY_F;
    float sum = 0;
    bool surpassed = false;
#pragma unroll 4
    for (int v = threadIdx.x; v < VECTORS; v += THREADS)
    {
        Vector vector = load_pack<VECTOR>(logits + v * VECTOR);
        if (HELD)
            held[v] = vector;
        float x[VECTOR];
        unpack(vector, v, x);
        float before = largest;
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            largest = fmaxf(largest, x[i]);
            if (!GRADIENT)
                surpassed |= x[i] > logit || (x[i] == logit && v * VECTOR + i < target);
        }
        sum *= exp2_fast((before - largest) * LOG2_E);
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            sum += exp2_fast((x[i] - largest) * LOG2_E);
    }

    // Threads without a vector have sum 0 at minus infinity. The barriers inside also part reading from writing.
    float maximum = block_max<THREADS>(largest);
    float total = block_sum<THREADS>(sum * exp2_fast((largest - maximum) * LOG2_E));
    if (threadIdx.x == 0)
        nll[row] = from_float<NLL_TYPE>(maximum + __logf(total) - logit);

#if !GRADIENT
    bool isLargest = !__syncthreads_or(surpassed);
    if (threadIdx.x == 0)
        correct[row] = from_float<OTHER_TYPE>(isLargest ? 1 : 0);
#else
    float gradient = to_float(upstream[row]);
    float scale = gradient / total;
#pragma unroll 4
    for (int v = threadIdx.x; v < VECTORS; v += THREADS)
    {
        float x[VECTOR];
        unpack(HELD ? held[v] : load_pack<VECTOR>(logits + v * VECTOR), v, x);
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            x[i] = scale * exp2_fast((x[i] - maximum) * LOG2_E) - (v * VECTOR + i == target ? gradient : 0);
        store_floats(logits + v * VECTOR, x);
    }
#endif
}
