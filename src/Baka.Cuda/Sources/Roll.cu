// y [., HEADS, SLOTS, WIDTH], COUNT values: x with the features of each slot rolled inside their cycles by the slot's shift.
// A thread makes one feature; its neighbors read and write near it.

extern "C" __global__ void __launch_bounds__(THREADS) roll(
    const X_TYPE* __restrict__ x, const int* __restrict__ shift, const int* __restrict__ first, const int* __restrict__ length, Y_TYPE* __restrict__ y)
{
    i64 i = (i64)blockIdx.x * THREADS + threadIdx.x;
    if (i >= COUNT)
        return;

    int feature = i % WIDTH;
    int slot = i / WIDTH % SLOTS;
    int head = i / ((i64)WIDTH * SLOTS) % HEADS;
    i64 row = i / ((i64)WIDTH * SLOTS * HEADS);
    int begin = first[head * WIDTH + feature];
    int cycle = length[head * WIDTH + feature];
#if BACK
    int place = (feature - begin + shift[slot]) % cycle;
#else
    int place = (feature - begin - shift[slot]) % cycle;
#endif
    int from = begin + (place < 0 ? place + cycle : place);
    y[i] = from_float<Y_TYPE>(to_float(x[row * X_ROW_STRIDE + head * X_HEAD_STRIDE + slot * X_SLOT_STRIDE + from]));
}
