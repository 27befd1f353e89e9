// y = x for elements of another type or at other distances: [groups, ROWS, VECTORS * VECTOR], neighbors along the last axis next
// to each other. A thread has a vector.

extern "C" __global__ void __launch_bounds__(THREADS) convert(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    INDEX item = (INDEX)blockIdx.x * THREADS + threadIdx.x;
    if (item >= (INDEX)COUNT)
        return;

    i64 row = item / VECTORS % ROWS;
    i64 group = item / VECTORS / ROWS;
    i64 column = item % VECTORS * VECTOR;
    float values[VECTOR];
    load_floats(x + group * X_GROUP_STRIDE + row * X_STRIDE + column, values);
    store_floats(y + group * Y_GROUP_STRIDE + row * Y_STRIDE + column, values);
}
