// What a linear recurrence h_t = a_t h_(t-1) + b_t u_t, y_t = sum over n of c_tn h_tn and its gradient have in common.
//
// A block goes through the SLOTS slots of one of the ROWS rows with CHANNELS of its WIDTH channels, a chunk of LENGTH slots
// at a time: while it computes one, the next is on its way to registers. LANES neighboring threads share the STATES states of
// a channel and hold HELD each in registers, of which there are enough for RESIDENT blocks. Where SELECTIVE, u and step are
// [ROWS, SLOTS, WIDTH], gain and readout [ROWS, SLOTS, STATES], bias and skip [WIDTH] and decay, the rate, is [STATES, WIDTH]
// with delta_t = softplus(step_t + bias), a_t = exp(delta_t * rate), b_t = delta_t * gain_t, and y_t has skip * u_t added;
// else there is nothing of the kind but decay and readout, both [STATES, WIDTH], and b is 1. Channels and states that do not
// exist hold zeros.
//
// Where TURNED, HELD is a power of 2 and a thread's k-th state is not its k-th but that of number k ^ turn, where turn is the
// channel's number modulo HELD. Neighboring channels can then halve their sums between them without choosing at every step
// which half to give.
//
// In shared memory slots' numbers for the channels lie ROW apart, and what all channels share ORDER_ROWS rows: what a warp
// reads or writes for several slots at once then lies in different banks.

#define THREADS (CHANNELS * LANES)
#define HELD ((STATES + LANES - 1) / LANES)
#define ROOM (HELD * LANES)
#define HELD_VECTOR (HELD % 4 == 0 ? 4 : HELD % 2 == 0 ? 2 : 1)
#define BLOCKS ((WIDTH + CHANNELS - 1) / CHANNELS)
#define CHUNKS ((SLOTS + LENGTH - 1) / LENGTH)

// Slots whose sums over the lanes are exchanged together: one exchange then serves several.
#define GROUP (LANES < 8 ? LANES : 8)

// What all channels share is there once for each order of states.
#define ORDERS (TURNED ? HELD : 1)

#define LOG2_E 1.44269504f
#define LN_2 0.693147181f

struct Place
{
    int row, lane, channel; // the channel in the block
    int at;                 // and among all

    __device__ __forceinline__ Place()
        : row(blockIdx.x / BLOCKS), lane(threadIdx.x % LANES), channel(threadIdx.x / LANES), at(blockIdx.x % BLOCKS * CHANNELS + channel)
    {
    }

    __device__ __forceinline__ int turn() const { return channel % ORDERS; }
    __device__ __forceinline__ int state(int k) const { return lane * HELD + k; }
    __device__ __forceinline__ bool exists(int k) const { return at < WIDTH && state(k) < STATES; }

    // Of a tensor [.., STATES, WIDTH], of which this is the matrix of some index.
    __device__ __forceinline__ i64 in_states(i64 matrix, int k) const { return (matrix * STATES + state(k)) * WIDTH + at; }
};

// LENGTH rows of COLUMNS elements on their way from device memory to shared memory, VECTOR at a time.
template <typename T, int COLUMNS, int VECTOR> struct Ahead
{
    static constexpr int PIECES = LENGTH * COLUMNS / VECTOR;
    static constexpr int MINE = (PIECES + THREADS - 1) / THREADS;

    Pack<T, VECTOR> pieces[MINE];

    static __device__ __forceinline__ int piece(int k) { return threadIdx.x + k * THREADS; }
    static __device__ __forceinline__ int row(int k) { return piece(k) / (COLUMNS / VECTOR); }
    static __device__ __forceinline__ int column(int k) { return piece(k) % (COLUMNS / VECTOR) * VECTOR; }

    // The first `count` rows of x, `stride` apart, and the first `width` elements of each; zeros stand for all others.
    __device__ __forceinline__ void read(const T* __restrict__ x, int stride, int count, int width)
    {
#pragma unroll
        for (int k = 0; k < MINE; k++)
            if (piece(k) < PIECES && row(k) < count && column(k) < width)
                pieces[k] = load_pack<VECTOR>(x + (i64)row(k) * stride + column(k));
            else
                pieces[k] = {};
    }

    template <typename S, int N> __device__ __forceinline__ void put(S (*to)[N]) const
    {
        put(to, [](float x, int) { return x; });
    }

    // Once for each order of states.
    template <int N> __device__ __forceinline__ void put(T (*to)[ORDER_ROWS][N]) const
    {
#pragma unroll
        for (int k = 0; k < MINE; k++)
            if (piece(k) < PIECES)
#pragma unroll
                for (int order = 0; order < ORDERS; order++)
                {
                    int within = order % VECTOR;
                    Pack<T, VECTOR> part;
#pragma unroll
                    for (int j = 0; j < VECTOR; j++)
                        part.at[j] = pieces[k].at[j ^ within];
                    store_pack<VECTOR>(&to[row(k)][order][column(k) ^ (order - within)], part);
                }
    }

    // What f makes of each element and its column.
    template <typename S, int N, typename F> __device__ __forceinline__ void put(S (*to)[N], F f) const
    {
#pragma unroll
        for (int k = 0; k < MINE; k++)
            if (piece(k) < PIECES)
            {
                Pack<S, VECTOR> part;
#pragma unroll
                for (int j = 0; j < VECTOR; j++)
                    part.at[j] = from_float<S>(f(to_float(pieces[k].at[j]), column(k) + j));
                store_pack<VECTOR>(&to[row(k)][column(k)], part);
            }
    }
};

template <typename T> using SlotsAhead = Ahead<T, CHANNELS, SLOT_VECTOR>;
template <typename T> using SharedAhead = Ahead<T, STATES, STATE_VECTOR>;

// The block's channels of a row's x [.., WIDTH] from slot `first` on.
template <typename T> __device__ __forceinline__ void read_slots(SlotsAhead<T>& ahead, const T* x, i64 first, int count)
{
    int begin = blockIdx.x % BLOCKS * CHANNELS;
    ahead.read(x + first * WIDTH + begin, WIDTH, count, WIDTH - begin);
}

// The block's channels of x [WIDTH].
template <typename T> __device__ __forceinline__ void load_channels(float* to, const T* x)
{
    int at = blockIdx.x % BLOCKS * CHANNELS + threadIdx.x;
    if (threadIdx.x < CHANNELS)
        to[threadIdx.x] = at < WIDTH ? to_float(x[at]) : 0;
}

// What all channels share: the row's x [.., STATES], whose slots lie STRIDE apart, from a slot on.
template <i64 ROW_STRIDE, int STRIDE, typename T> __device__ __forceinline__ void read_shared(SharedAhead<T>& ahead, const T* x, int row, int slot, int count)
{
    ahead.read(x + row * ROW_STRIDE + (i64)slot * STRIDE, STRIDE, count, STATES);
}

template <typename T> __device__ __forceinline__ void store_slots(T* y, const float (*from)[ROW], i64 first, int count)
{
    typedef SlotsAhead<T> Way;
    int begin = blockIdx.x % BLOCKS * CHANNELS;
#pragma unroll
    for (int k = 0; k < Way::MINE; k++)
    {
        int slot = Way::row(k);
        int channel = Way::column(k);
        if (Way::piece(k) < Way::PIECES && slot < count && begin + channel < WIDTH)
        {
            float part[SLOT_VECTOR];
            load_floats(&from[slot][channel], part);
            store_floats(y + (first + slot) * WIDTH + begin + channel, part);
        }
    }
}

// States that do not exist have no place in what is read.
template <typename T> __device__ __forceinline__ void clear_room(T (*rows)[ORDER_ROWS][ROOM])
{
    if constexpr (ROOM > STATES)
        for (int i = threadIdx.x; i < LENGTH * ORDERS * (ROOM - STATES); i += THREADS)
        {
            int row = i / (ROOM - STATES);
            rows[row / ORDERS][row % ORDERS][(STATES + i % (ROOM - STATES)) ^ row % ORDERS] = from_float<T>(0);
        }
}

// The thread's states' values, which lie side by side from x on.
template <typename T> __device__ __forceinline__ void held(float (&to)[HELD], const T* x)
{
#pragma unroll
    for (int k = 0; k < HELD; k += HELD_VECTOR)
    {
        Pack<T, HELD_VECTOR> part = load_pack<HELD_VECTOR>(x + k);
#pragma unroll
        for (int j = 0; j < HELD_VECTOR; j++)
            to[k + j] = to_float(part.at[j]);
    }
}

// The same from a row of shared memory that has all lanes' in all orders.
template <typename T> __device__ __forceinline__ void held(float (&to)[HELD], const T (*row)[ROOM], const Place& place)
{
    held(to, row[place.turn()] + place.lane * HELD);
}

// Brings numbers of a thread's states into its order, or back.
__device__ __forceinline__ void turn(float (&x)[HELD], const Place& place)
{
#pragma unroll
    for (int bit = 1; bit < ORDERS; bit *= 2)
#pragma unroll
        for (int k = 0; k < HELD; k++)
            if (!(k & bit))
            {
                bool swaps = place.turn() & bit;
                float other = x[k | bit];
                x[k | bit] = swaps ? x[k] : other;
                x[k] = swaps ? other : x[k];
            }
}

// A bit for each of a chunk's slots: whether nothing lies before it.
template <typename T> __device__ __forceinline__ u32 starts_of(const T* begins, int count)
{
    int t = threadIdx.x % 32;
    return warp_ballot(t < count && to_float(begins[t]) != 0);
}

// What a chunk's slots are given, in shared memory: u and, where SELECTIVE, delta, gain and readout.
struct Given
{
    float added[LENGTH][ROW];
#if SELECTIVE
    float steps[LENGTH][ROW];
    GAIN_TYPE gains[LENGTH][ORDER_ROWS][ROOM]; // as narrow as they come: threads read more of these than of anything else
    READOUT_TYPE readouts[LENGTH][ORDER_ROWS][ROOM];
    float biases[CHANNELS];

    // What is there before the first chunk is put; the block has to be waited for.
    __device__ __forceinline__ void prepare(const BIAS_TYPE* bias)
    {
        load_channels(biases, bias);
        clear_room(gains);
        clear_room(readouts);
    }
#endif
};

// The same on its way there.
struct GivenAhead
{
    SlotsAhead<U_TYPE> added;
#if SELECTIVE
    SlotsAhead<STEP_TYPE> steps;
    SharedAhead<GAIN_TYPE> gains;
    SharedAhead<READOUT_TYPE> readouts;
#endif

    __device__ __forceinline__ void read(
        const U_TYPE* __restrict__ u, const STEP_TYPE* __restrict__ step, const GAIN_TYPE* __restrict__ gain, const READOUT_TYPE* __restrict__ readout,
        int row, int slot, int count)
    {
        i64 first = (i64)row * SLOTS + slot;
        read_slots(added, u, first, count);
#if SELECTIVE
        read_slots(steps, step, first, count);
        read_shared<GAIN_ROW_STRIDE, GAIN_STRIDE>(gains, gain, row, slot, count);
        read_shared<READOUT_ROW_STRIDE, READOUT_STRIDE>(readouts, readout, row, slot, count);
#endif
    }

    __device__ __forceinline__ void put(Given& to) const
    {
        added.put(to.added);
#if SELECTIVE
        steps.put(to.steps, [&](float x, int channel) { return softplus(x + to.biases[channel]); });
        gains.put(to.gains);
        readouts.put(to.readouts);
#endif
    }
};

// What a slot does to the thread's states of a channel; a is a_t, x is u_t, where SELECTIVE times delta_t.
struct Motion
{
    float x, a[HELD];
#if SELECTIVE
    float delta, b[HELD];
#endif
    bool starting;

    // Where SELECTIVE the decay is the rate times log2(e).
    __device__ __forceinline__ Motion(const float (&decay)[HELD], const Given& given, int t, bool starting, const Place& place) : starting(starting)
    {
        x = given.added[t][place.channel];
#if SELECTIVE
        delta = given.steps[t][place.channel];
        x *= delta;
        held(b, given.gains[t], place);
#endif
#pragma unroll
        for (int k = 0; k < HELD; k++)
#if SELECTIVE
            a[k] = exp2_fast(delta * decay[k]);
#else
            a[k] = decay[k];
#endif
    }

    // Takes h_(t-1) to h_t.
    __device__ __forceinline__ void advance(float (&h)[HELD]) const
    {
#pragma unroll
        for (int k = 0; k < HELD; k++)
        {
            float before = starting ? 0 : h[k];
#if SELECTIVE
            h[k] = fmaf(a[k], before, x * b[k]);
#else
            h[k] = fmaf(a[k], before, x);
#endif
        }
    }
};

// A channel's values of x [.., STATES, WIDTH], in the order of the states whatever the thread's is.
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

// Sums of N numbers over OVER threads whose numbers in the warp lie STRIDE apart: thread `lane` of them is left with the sums of
// every OVER-th from number `lane` on, or where N is less with one, of number lane % N. LEFT of them are still to be halved;
// loops over halves would not be unrolled.
template <int OVER, int STRIDE, int LEFT, int N> __device__ __forceinline__ void lanes_sums(float (&x)[N], int lane)
{
    constexpr int MASK = N / LEFT;
    if constexpr (LEFT > 1 && MASK < OVER)
    {
        bool upper = lane & MASK;
#pragma unroll
        for (int i = 0; i < LEFT / 2; i++)
        {
            float given = upper ? x[2 * i] : x[2 * i + 1];
            x[i] = (upper ? x[2 * i + 1] : x[2 * i]) + warp_xor(given, MASK * STRIDE);
        }

        lanes_sums<OVER, STRIDE, LEFT / 2>(x, lane);
    }
    else
    {
#pragma unroll
        for (int mask = MASK; mask < OVER; mask *= 2)
            x[0] += warp_xor(x[0], mask * STRIDE);
    }
}

// The sum over the lanes of a channel of a number for each of some slots: lane l is left with slot l's.
template <int N> __device__ __forceinline__ float lanes_sums(float (&x)[N], const Place& place)
{
    lanes_sums<LANES, 1, N>(x, place.lane);
    return x[0];
}

__device__ __forceinline__ float lanes_sum(float x, const Place& place)
{
    float one[] = {x};
    return lanes_sums(one, place);
}
