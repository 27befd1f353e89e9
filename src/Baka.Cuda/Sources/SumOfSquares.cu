// The squares of many tensors, summed over chunks of LENGTH elements: partial [chunks of all tensors]. VIEWS lists the tensors as
// VIEW(number, first chunk, elements); each is a parameter. A block has a chunk.

#define PARAMETER(number, first, elements) , const TYPE* __restrict__ x##number
#define CHOOSE(number, first, elements)    \
    if ((int)blockIdx.x >= first)          \
    {                                      \
        x = x##number;                     \
        begin = (int)blockIdx.x - first;   \
        count = elements;                  \
    }

extern "C" __global__ void __launch_bounds__(THREADS) sum_of_squares(float* __restrict__ partial VIEWS(PARAMETER))
{
    const TYPE* x;
    i64 begin;
    i64 count;
    VIEWS(CHOOSE)

    x += begin * LENGTH;
    int length = min((i64)LENGTH, count - begin * LENGTH);
    int whole = length / VECTOR * VECTOR;
    float sum = 0;
#pragma unroll 8
    for (int i = threadIdx.x * VECTOR; i < whole; i += THREADS * VECTOR)
    {
        float values[VECTOR];
        load_floats(x + i, values);
#pragma unroll
        for (int k = 0; k < VECTOR; k++)
            sum += values[k] * values[k];
    }

    if (threadIdx.x < length - whole)
    {
        float value = to_float(x[whole + threadIdx.x]);
        sum += value * value;
    }

    sum = block_sum<THREADS>(sum);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}
