// hopper primitives: begin
// Instructions that only Hopper (sm_90a) has: products of whole warpgroups (4 consecutive warps, the first a multiple of
// 4), whose right operands are tiles in shared memory; barriers in shared memory; copies of any size in the background.
//
// A tile has rows of 64, 32 or 16 bfloat16 numbers, 128, 64 or 32 bytes each, and begins at a multiple of 8 rows. In row r
// of 128 bytes, the 16-byte piece c lies at place c ^ r % 8, so that 8 rows' pieces c lie in 32 different banks; of shorter
// rows those that make up 128 bytes share what r % 8 is to the longer ones.

// Where a 16-byte piece of a row lies, from the tile's first byte.
template <int BYTES = 128> __device__ __forceinline__ u32 piece_place(u32 row, u32 piece)
{
    return row * BYTES + ((piece ^ row * BYTES / 128 % (BYTES / 16)) << 4);
}

#define SWIZZLE_OF(BYTES) ((u64)((BYTES) == 128 ? 1 : (BYTES) == 64 ? 2 : 3) << 62)

// What products take as a tile's address; k numbers further along the rows are 2 k bytes away, a multiple of 32; r rows
// further r times their bytes, r a multiple of 8. (Start / 16; 1 unused; from 8 rows to the next 8; the swizzle.)
template <int BYTES = 128> __device__ __forceinline__ u64 tile_operand(u32 address)
{
    return (u64)(address >> 4) | 1ull << 16 | (u64)(8 * BYTES >> 4) << 32 | SWIZZLE_OF(BYTES);
}

// The same for a right operand that lies the other way round: its columns are rows of tiles, as many of its rows as a
// tile has columns are one tile, and the next the tile `distance` bytes further.
template <int BYTES = 128> __device__ __forceinline__ u64 turned_operand(u32 address, int distance)
{
    return (u64)(address >> 4 & 0x3fff) | (u64)(distance >> 4) << 16 | (u64)(8 * BYTES >> 4) << 32 | SWIZZLE_OF(BYTES);
}

__device__ __forceinline__ constexpr u64 operand_step(int bytes) { return bytes >> 4; }

#define FLOATS_8(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define FLOATS_32(d) FLOATS_8(d, 0), FLOATS_8(d, 8), FLOATS_8(d, 16), FLOATS_8(d, 24)
#define FLOATS_40(d) FLOATS_32(d), FLOATS_8(d, 32)
#define FLOATS_48(d) FLOATS_40(d), FLOATS_8(d, 40)
#define FLOATS_56(d) FLOATS_48(d), FLOATS_8(d, 48)
#define FLOATS_64(d) FLOATS_56(d), FLOATS_8(d, 56)
#define FLOATS_128(d) \
    FLOATS_64(d), FLOATS_8(d, 64), FLOATS_8(d, 72), FLOATS_8(d, 80), FLOATS_8(d, 88), FLOATS_8(d, 96), FLOATS_8(d, 104), FLOATS_8(d, 112), FLOATS_8(d, 120)
#define NUMBERS_32 \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define NUMBERS_40 NUMBERS_32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#define NUMBERS_48 NUMBERS_40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#define NUMBERS_56 NUMBERS_48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define NUMBERS_64 NUMBERS_56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define NUMBERS_128 \
    NUMBERS_64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95" \
               ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

// Orders what follows behind the warpgroup's earlier uses of the registers of products.
__device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// d[64, N] = a bT, or += where `add`, in the background: 16 columns of 64 rows of a and of N rows of b. Thread t has the
// elements [t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, i / 4 * 8 + t % 4 * 2 + i % 2].
#define MULTIPLY_TILES(NAME, FLOATS, N, A, B, ADD, TURNED) \
    __device__ __forceinline__ void NAME(float (&d)[FLOATS], u64 a, u64 b, bool add) \
    { \
        asm volatile( \
            "{\n.reg .pred p;\nsetp.ne.b32 p, " ADD ", 0;\n" \
            "wgmma.mma_async.sync.aligned.m64n" N "k16.f32.bf16.bf16 {" NUMBERS_##FLOATS "}, " A ", " B ", p, 1, 1, 0, " TURNED ";\n}" \
            : FLOATS_##FLOATS(d) : "l"(a), "l"(b), "r"((int)add) : "memory"); \
    }

MULTIPLY_TILES(multiply_tiles, 32, "64", "%32", "%33", "%34", "0")
MULTIPLY_TILES(multiply_tiles, 40, "80", "%40", "%41", "%42", "0")
MULTIPLY_TILES(multiply_tiles, 48, "96", "%48", "%49", "%50", "0")
MULTIPLY_TILES(multiply_tiles, 56, "112", "%56", "%57", "%58", "0")
MULTIPLY_TILES(multiply_tiles, 64, "128", "%64", "%65", "%66", "0")
MULTIPLY_TILES(multiply_tiles, 128, "256", "%128", "%129", "%130", "0")
MULTIPLY_TILES(multiply_turned, 128, "256", "%128", "%129", "%130", "1")

// The same with a[64, 16] in registers, of which thread t has those of mma.m16n8k16: d[64, N] = a bT of 16 columns of N
// rows of b, or a b of 16 rows of b, whose columns lie as turned_operand says.
#define MULTIPLY_REGISTERS(NAME, FLOATS, N, A, B, ADD, TRANSPOSED) \
    __device__ __forceinline__ void NAME(float (&d)[FLOATS], const u32 (&a)[4], u64 b, bool add) \
    { \
        asm volatile( \
            "{\n.reg .pred p;\nsetp.ne.b32 p, " ADD ", 0;\n" \
            "wgmma.mma_async.sync.aligned.m64n" N "k16.f32.bf16.bf16 {" NUMBERS_##FLOATS "}, {" A "}, " B ", p, 1, 1, " TRANSPOSED ";\n}" \
            : FLOATS_##FLOATS(d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"((int)add) : "memory"); \
    }

MULTIPLY_REGISTERS(multiply_by_columns, 32, "64", "%32,%33,%34,%35", "%36", "%37", "0")
MULTIPLY_REGISTERS(multiply_by_rows, 32, "64", "%32,%33,%34,%35", "%36", "%37", "1")
MULTIPLY_REGISTERS(multiply_by_rows, 40, "80", "%40,%41,%42,%43", "%44", "%45", "1")
MULTIPLY_REGISTERS(multiply_by_rows, 48, "96", "%48,%49,%50,%51", "%52", "%53", "1")
MULTIPLY_REGISTERS(multiply_by_rows, 56, "112", "%56,%57,%58,%59", "%60", "%61", "1")
MULTIPLY_REGISTERS(multiply_by_rows, 64, "128", "%64,%65,%66,%67", "%68", "%69", "1")

// d = 0. Compilers would put ordinary zeros off until products are under way, which these must not meet.
template <int N> __device__ __forceinline__ void clear_products(float (&d)[N])
{
#pragma unroll
    for (int i = 0; i < N; i++)
        asm volatile("mov.f32 %0, 0f00000000;" : "=f"(d[i]));
}

__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most N of the committed groups are under way; d is a result of those before.
#define WAIT_PRODUCTS(FLOATS, PENDING) \
    template <int N> __device__ __forceinline__ void wait_products(float (&d)[FLOATS]) \
    { \
        asm volatile("wgmma.wait_group.sync.aligned " PENDING ";" : FLOATS_##FLOATS(d) : "n"(N) : "memory"); \
    }

// The same where no result is read yet.
template <int N> __device__ __forceinline__ void wait_products() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }

WAIT_PRODUCTS(32, "%32")
WAIT_PRODUCTS(40, "%40")
WAIT_PRODUCTS(48, "%48")
WAIT_PRODUCTS(56, "%56")
WAIT_PRODUCTS(64, "%64")
WAIT_PRODUCTS(128, "%128")

// Makes what this thread has written to shared memory visible to products and background copies; others' after a barrier.
__device__ __forceinline__ void publish_writes() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// A barrier is a u64 in shared memory. A phase of it ends when `arrivals` threads have arrived and as many bytes have
// landed as were expected.
__device__ __forceinline__ void phase_init(u32 barrier, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void phase_arrive(u32 barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ void phase_arrive_expecting(u32 barrier, u32 bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Whether a phase has ended, told by its number's last bit.
__device__ __forceinline__ bool phase_ended(u32 barrier, u32 parity)
{
    u32 ended;
    asm volatile(
        "{\n.reg .pred p;\nmbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
        : "=r"(ended) : "r"(barrier), "r"(parity) : "memory");
    return ended != 0;
}

// A ring of places in shared memory that one warp fills and others use: the use-th time of all.
struct Turn
{
    int place;
    u32 parity;
};

template <int N> __device__ __forceinline__ void advance(Turn& turn)
{
    if (++turn.place == N)
    {
        turn.place = 0;
        turn.parity ^= 1;
    }
}

// Waits for the end of a phase, told by its number's last bit.
__device__ __forceinline__ void phase_wait(u32 barrier, u32 parity)
{
    u32 done;
    do
        asm volatile(
            "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
            : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
    while (!done);
}

// A multiple of 16 bytes from device memory to shared memory, in the background; a phase of the barrier expects them.
__device__ __forceinline__ void copy_bulk(u32 shared, const void* global, u32 bytes, u32 barrier)
{
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        ::"r"(shared), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(barrier) : "memory");
}

// How a matrix lies in device memory, for copies of boxes of it; made by the driver.
struct alignas(64) TensorMap
{
    u64 opaque[16];
};

// A box of a matrix, of 64 numbers a row, as a tile to shared memory, in the background; zeros beyond the matrix.
__device__ __forceinline__ void copy_box(u32 shared, const TensorMap& matrix, int column, int row, u32 barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
        ::"r"(shared), "l"(&matrix), "r"(column), "r"(row), "r"(barrier) : "memory");
}

// The same to the same place of both blocks of a cluster, each with its own barrier.
__device__ __forceinline__ void copy_box_to_both(u32 shared, const TensorMap& matrix, int column, int row, u32 barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;"
        ::"r"(shared), "l"(&matrix), "r"(column), "r"(row), "r"(barrier), "h"((unsigned short)3) : "memory");
}

// The block's number in its cluster.
__device__ __forceinline__ int cluster_rank()
{
    u32 rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return (int)rank;
}

__device__ __forceinline__ void cluster_barrier()
{
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// Makes new barriers visible to the cluster's other blocks and to copies.
__device__ __forceinline__ void publish_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

// Arrives at the barrier at that place of a block of the cluster, to tell that products have read what lies there: they
// have when their wait is over. Ordering ordinary writes for the whole cluster too would take half of the kernel's time.
__device__ __forceinline__ void phase_arrive_at(u32 barrier, int rank)
{
    asm volatile(
        "{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\nmbarrier.arrive.shared::cluster.b64 _, [there];\n}"
        ::"r"(barrier), "r"(rank) : "memory");
}

// Registers pass from warpgroups that need few to those that need many; all warps of a group take part.
template <int N> __device__ __forceinline__ void give_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> __device__ __forceinline__ void take_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }

// A barrier among some of the block's warps; 0 is the one of all.
__device__ __forceinline__ void group_barrier(int number, int threads)
{
    asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}
// hopper primitives: end
