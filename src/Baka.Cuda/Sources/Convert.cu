// y [count] = x [count] as floats.

extern "C" __global__ void __launch_bounds__(THREADS) convert(const int* __restrict__ x, Y_TYPE* __restrict__ y, int count)
{
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < count)
        y[i] = from_float<Y_TYPE>((float)x[i]);
}
