// What a linear recurrence h_t = a_t h_(t-1) + u_t b_t, y_t = sum over n of c_tn h_tn and its gradient have in common.
//
// A block goes through the SLOTS slots of one of the ROWS rows with CHANNELS of its WIDTH channels, a chunk of LENGTH slots
// at a time, which it loads to shared memory. LANES neighboring threads share the STATES states of a channel: the thread
// of a lane holds the states lane, lane + LANES, ... in its registers. Where SELECTIVE, u and step are [ROWS, SLOTS, WIDTH],
// gain and readout [ROWS, SLOTS, STATES] and decay, the rate, is [STATES, WIDTH] with a_t = exp(step_t * rate); else there is
// neither step nor gain, b is 1, and decay and readout are [STATES, WIDTH]. Channels that do not exist hold zeros.

#define THREADS (CHANNELS * LANES)
#define HELD ((STATES + LANES - 1) / LANES)
#define BLOCKS ((WIDTH + CHANNELS - 1) / CHANNELS)
#define CHUNKS ((SLOTS + LENGTH - 1) / LENGTH)

struct Place
{
    int row, lane, channel; // the channel in the block
    int at;                 // and among all

    __device__ __forceinline__ Place()
        : row(blockIdx.x / BLOCKS), lane(threadIdx.x % LANES), channel(threadIdx.x / LANES), at(blockIdx.x % BLOCKS * CHANNELS + channel)
    {
    }

    __device__ __forceinline__ int state(int k) const { return lane + k * LANES; }
    __device__ __forceinline__ bool exists(int k) const { return at < WIDTH && state(k) < STATES; }

    // Of a tensor [.., STATES, WIDTH], of which this is the matrix of some index.
    __device__ __forceinline__ i64 in_states(i64 matrix, int k) const { return (matrix * STATES + state(k)) * WIDTH + at; }
};

// Slots first ... first + count - 1 of a row's x [.., WIDTH] for the block's channels.
template <typename T> __device__ __forceinline__ void load_slots(float (*to)[CHANNELS], const T* x, i64 first, int count)
{
    int begin = blockIdx.x % BLOCKS * CHANNELS;
    for (int i = threadIdx.x; i < count * CHANNELS; i += THREADS)
    {
        int at = begin + i % CHANNELS;
        to[i / CHANNELS][i % CHANNELS] = at < WIDTH ? to_float(x[(first + i / CHANNELS) * WIDTH + at]) : 0;
    }
}

template <typename T> __device__ __forceinline__ void store_slots(T* y, const float (*from)[CHANNELS], i64 first, int count)
{
    int begin = blockIdx.x % BLOCKS * CHANNELS;
    for (int i = threadIdx.x; i < count * CHANNELS; i += THREADS)
    {
        int at = begin + i % CHANNELS;
        if (at < WIDTH)
            y[(first + i / CHANNELS) * WIDTH + at] = from_float<T>(from[i / CHANNELS][i % CHANNELS]);
    }
}

// The same of x [.., STATES], which all channels share.
template <typename T> __device__ __forceinline__ void load_shared(float (*to)[STATES], const T* x, i64 first, int count)
{
    for (int i = threadIdx.x; i < count * STATES; i += THREADS)
        to[i / STATES][i % STATES] = to_float(x[first * STATES + i]);
}

// A channel's values of x [.., STATES, WIDTH].
template <typename T> __device__ __forceinline__ void load_states(float (&to)[HELD], const T* x, i64 matrix, const Place& place)
{
#pragma unroll
    for (int k = 0; k < HELD; k++)
        to[k] = place.exists(k) ? to_float(x[place.in_states(matrix, k)]) : 0;
}

template <typename T> __device__ __forceinline__ void store_states(T* y, const float (&from)[HELD], i64 matrix, const Place& place)
{
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (place.exists(k))
            y[place.in_states(matrix, k)] = from_float<T>(from[k]);
}

// The sum over the lanes of a channel.
__device__ __forceinline__ float lanes_sum(float x)
{
#pragma unroll
    for (int mask = LANES / 2; mask > 0; mask /= 2)
        x += warp_xor(x, mask);
    return x;
}
