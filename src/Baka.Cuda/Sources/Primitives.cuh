// primitives: begin
// What every kernel builds on: number types, vector access, warp and block reductions, tensor-core and asynchronous-copy
// instructions. No header of any toolkit is needed.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define INFINITY_F __int_as_float(0x7f800000)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]

// A bfloat16 number as it lies in memory: the upper half of a float.
struct bf16
{
    unsigned short bits;
};

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __int_as_float((int)x.bits << 16); }

// Two floats to two bfloat16, rounded to nearest even; the first in the lower half.
__device__ __forceinline__ u32 pack_bf16(float low, float high)
{
    u32 result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
}

template <typename T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x)
{
    bf16 result;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
    return result;
}

// N elements that are read or written by one instruction where N * sizeof(T) is 2, 4, 8 or 16.
template <typename T, int N> struct alignas(sizeof(T) * N) Pack
{
    T at[N];
};

// Pairs of 16-bit elements travel as 32-bit words: compilers split an access by what is read of it, and eight separate
// halves would become two accesses.
template <int N, typename T> __device__ __forceinline__ Pack<T, N> load_pack(const T* p)
{
    if constexpr (sizeof(T) == 2 && N % 2 == 0)
    {
        const Pack<u32, N / 2> words = *reinterpret_cast<const Pack<u32, N / 2>*>(p);
        Pack<T, N> result;
#pragma unroll
        for (int i = 0; i < N / 2; i++)
        {
            result.at[2 * i].bits = (unsigned short)words.at[i];
            result.at[2 * i + 1].bits = (unsigned short)(words.at[i] >> 16);
        }

        return result;
    }
    else
        return *reinterpret_cast<const Pack<T, N>*>(p);
}

template <int N, typename T> __device__ __forceinline__ void store_pack(T* p, const Pack<T, N>& x)
{
    if constexpr (sizeof(T) == 2 && N % 2 == 0)
    {
        Pack<u32, N / 2> words;
#pragma unroll
        for (int i = 0; i < N / 2; i++)
            words.at[i] = x.at[2 * i].bits | (u32)x.at[2 * i + 1].bits << 16;
        *reinterpret_cast<Pack<u32, N / 2>*>(p) = words;
    }
    else
        *reinterpret_cast<Pack<T, N>*>(p) = x;
}

__device__ __forceinline__ float exp2_fast(float x)
{
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

// Exchange inside a warp; every lane takes part.
__device__ __forceinline__ float warp_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
__device__ __forceinline__ int warp_xor(int x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
__device__ __forceinline__ float warp_get(float x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
__device__ __forceinline__ int warp_get(int x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
__device__ __forceinline__ u32 warp_ballot(bool x) { return __ballot_sync(0xffffffffu, x); }
__device__ __forceinline__ void warp_barrier() { __syncwarp(); }

// The 32-bit address of something in dynamic shared memory.
__device__ __forceinline__ u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void load_matrix_x4(u32 (&r)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void load_matrix_x4_transposed(u32 (&r)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

// d[16x8] += a[16x16] b[16x8]: bfloat16 operands, float sums, in the layouts of mma.m16n8k16.
__device__ __forceinline__ void multiply_bf16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1)
{
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 16 bytes from device memory to shared memory in the background; zeros where valid is false.
__device__ __forceinline__ void copy_async_16(u32 shared, const void* global, bool valid)
{
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(__cvta_generic_to_global(global)), "r"(bytes) : "memory");
}

// The same for 8 or 4 bytes.
template <int BYTES> __device__ __forceinline__ void copy_async(u32 shared, const void* global, bool valid)
{
    int bytes = valid ? BYTES : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(shared), "l"(__cvta_generic_to_global(global)), "r"(bytes), "n"(BYTES) : "memory");
}

__device__ __forceinline__ void store_shared(u32 shared, bf16 x) { asm volatile("st.shared.b16 [%0], %1;" ::"r"(shared), "h"(x.bits) : "memory"); }

__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most N of the committed groups are under way.
template <int N> __device__ __forceinline__ void copy_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
// primitives: end

// What is known when a kernel is compiled, as an argument: code for what is seldom the case, or for a remainder, is apart.
template <auto VALUE> struct Known
{
    static constexpr auto value = VALUE;
};

__device__ __forceinline__ float warp_sum(float x)
{
    for (int mask = 16; mask > 0; mask >>= 1)
        x += warp_xor(x, mask);
    return x;
}

__device__ __forceinline__ float warp_max(float x)
{
    for (int mask = 16; mask > 0; mask >>= 1)
        x = fmaxf(x, warp_xor(x, mask));
    return x;
}

// The sum over all threads of a block, the same in every thread and in every run. THREADS is a multiple of 32.
template <int THREADS> __device__ __forceinline__ float block_sum(float x)
{
    __shared__ float parts[THREADS / 32];
    x = warp_sum(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = x;
    __syncthreads();
    float total = 0;
    for (int i = 0; i < THREADS / 32; i++)
        total += parts[i];
    return total;
}

template <int THREADS> __device__ __forceinline__ float block_max(float x)
{
    __shared__ float parts[THREADS / 32];
    x = warp_max(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = x;
    __syncthreads();
    float largest = parts[0];
    for (int i = 1; i < THREADS / 32; i++)
        largest = fmaxf(largest, parts[i]);
    return largest;
}

// The sum over a warp where THREADS is 32, else over a block of that many threads.
template <int THREADS> __device__ __forceinline__ float group_sum(float x)
{
    if constexpr (THREADS == 32)
        return warp_sum(x);
    else
        return block_sum<THREADS>(x);
}

template <typename T, int N> __device__ __forceinline__ void to_floats(const Pack<T, N>& pack, float (&x)[N])
{
#pragma unroll
    for (int i = 0; i < N; i++)
        x[i] = to_float(pack.at[i]);
}

// N consecutive elements as floats; p is aligned to all of them together.
template <int N, typename T> __device__ __forceinline__ void load_floats(const T* p, float (&x)[N])
{
    to_floats(load_pack<N>(p), x);
}

template <int N> __device__ __forceinline__ void store_floats(float* p, const float (&x)[N])
{
    Pack<float, N> pack;
#pragma unroll
    for (int i = 0; i < N; i++)
        pack.at[i] = x[i];
    store_pack(p, pack);
}

template <int N> __device__ __forceinline__ void store_floats(bf16* p, const float (&x)[N])
{
    if constexpr (N == 1)
        *p = from_float<bf16>(x[0]);
    else
    {
        Pack<u32, N / 2> pack;
#pragma unroll
        for (int i = 0; i < N / 2; i++)
            pack.at[i] = pack_bf16(x[2 * i], x[2 * i + 1]);
        store_pack(reinterpret_cast<u32*>(p), pack);
    }
}

// 8 numbers to device memory by one access: compilers make four of an ordinary one here and there. The kernel itself must
// not read them: loads may move to the other side.
__device__ __forceinline__ void store_whole(bf16* p, const float (&x)[8])
{
    asm volatile(
        "st.global.v4.b32 [%0], {%1,%2,%3,%4};" ::"l"(__cvta_generic_to_global(p)), "r"(pack_bf16(x[0], x[1])), "r"(pack_bf16(x[2], x[3])),
        "r"(pack_bf16(x[4], x[5])), "r"(pack_bf16(x[6], x[7])));
}
