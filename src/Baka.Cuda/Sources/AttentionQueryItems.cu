// Work of the kernels on Hopper that take queries and go over keys. One block for each multiprocessor takes one item after
// the other: BLOCK_QUERIES consecutive queries of a head, in whatever windows they are, 64 for each of GROUPS warpgroups.
// The warps of one more warpgroup work ahead of these, also across items: some load tiles, the others prepare the vectors
// of the next item. The warpgroups go at their own pace, so that one's products run while another computes weights, and
// pass over tiles that none of their queries sees.
//
// keys [BATCH, KEY_HEADS, KEY_ROWS, 64] are turned and swizzled already, KEY_ROWS a multiple of 8: a tile is one piece of
// memory. Values are copied from where they lie.

#define THREADS (GROUPS * 128 + 128)
#define BLOCK_QUERIES (GROUPS * 64)
#define LOADERS 1 // Warps that load tiles.
#define PREPARERS (4 - LOADERS)
#define PREPARED_ROWS (PREPARERS * 32 / PIECES) // That they do at a time.
#define TILE_BYTES (TILE * ROW_BYTES)
#define STAGE_BYTES (2 * TILE_BYTES) // Keys, values.
#define GROUP_BYTES (OPERANDS * 64 * ROW_BYTES)
#define SLOT_BYTES (GROUPS * GROUP_BYTES)
#define ITEM_COUNT (BATCH * HEADS * TILES)

struct Item
{
    int index; // In the order of all items; ITEM_COUNT and more: no more work.
    Work work;
    int start, tiles; // First slot, and how many tiles are loaded from there.
    Sight sights[GROUPS];
    Range ranges[BLOCK_QUERIES];
};

// Shared memory, in bytes: the vectors of two items by warpgroup, a ring of tiles, two items, barriers.
#define RING_AT (2 * SLOT_BYTES)
#define ITEMS_AT (RING_AT + STAGES * STAGE_BYTES)
#define LANDED_AT (ITEMS_AT + 2 * (int)sizeof(Item)) // Tiles are there.
#define RELEASED_AT (LANDED_AT + STAGES * 8)         // All warps are done with them.
#define READY_AT (RELEASED_AT + STAGES * 8)          // The same of items.
#define DONE_AT (READY_AT + 2 * 8)
#define KNOWN_AT (DONE_AT + 2 * 8) // Of an item all but its vectors is there.
#define FREE_AT (KNOWN_AT + 2 * 8)

__device__ __forceinline__ void init_barriers(u32 base)
{
    for (int stage = 0; stage < STAGES; stage++)
    {
        phase_init(base + LANDED_AT + stage * 8, LOADERS + 1);
        phase_init(base + RELEASED_AT + stage * 8, GROUPS * 4);
    }
    for (int slot = 0; slot < 2; slot++)
    {
        phase_init(base + READY_AT + slot * 8, PREPARERS);
        phase_init(base + DONE_AT + slot * 8, GROUPS * 4);
        phase_init(base + KNOWN_AT + slot * 8, 1);
    }
    publish_writes();
}

// Starts to copy the loading warp's part of keys and values of the slots from `slot` on, which may be of the past and of
// now; zeros beyond the stream, since 0 times what else lies there may be NaN.
__device__ __forceinline__ void load_tile(u32 stage, u32 landed, const bf16* k, const bf16* v, const bf16* past, int slot)
{
    const int loader = threadIdx.x / 32 % 4;
    const u32 values = stage + TILE_BYTES;
    const bool whole = slot + TILE <= STREAM;
    if (threadIdx.x % 128 == 0)
    {
        if (whole)
        {
            phase_arrive_expecting(landed, TILE_BYTES);
            copy_bulk(stage, k + (i64)slot * HEAD_WIDTH, TILE_BYTES, landed);
        }
        else
            phase_arrive(landed);
    }
    if (whole && slot >= PAST)
        copy_rows<TILE, LOADERS, V_ROW>(values, v + (i64)(slot - PAST) * V_ROW, loader);
    else if (slot + TILE <= PAST)
        copy_rows<TILE, LOADERS, VP_ROW>(values, past + (i64)slot * VP_ROW, loader);
    else
#pragma unroll 1
        for (int i = threadIdx.x % 128; i < TILE * PIECES; i += LOADERS * 32)
        {
            const int row = slot + i / PIECES, piece = i % PIECES;
            const u32 place = piece_place(i / PIECES, piece);
            const bf16* value = row < PAST ? past + (i64)row * VP_ROW : v + (i64)(row - PAST) * V_ROW;
            copy_async_16(values + place, value + piece * 8, row < STREAM);
            if (!whole)
                copy_async_16(stage + place, k + (i64)slot * HEAD_WIDTH + place / 2, row < STREAM);
        }
    copy_async_commit();
}

// What the queries of one of an item's warpgroups see, by one warp.
__device__ __forceinline__ void find_sight(Item& item, Work work, int group, const int* first, const int* last)
{
    const int lane = threadIdx.x % 32;
    Sight sight = {{FAR, -1}, {-1, FAR}};
#pragma unroll
    for (int row = group * 64 + lane; row < group * 64 + 64; row += 32)
    {
        Range range = visible_slots(first, last, work.batch, work.tile * BLOCK_QUERIES + row);
        item.ranges[row] = range;
        sight = join(sight, sight_of(range));
    }
    sight = join_lanes(sight, 1);
    if (lane == 0)
        item.sights[group] = sight;
}

// The rest of what is known of an item before its vectors are, by one thread.
__device__ __forceinline__ void know(Item& item, int index)
{
    item.index = index;
    if (index >= ITEM_COUNT)
        return;
    Range all = {FAR, -1};
    for (int group = 0; group < GROUPS; group++)
        all = {min(all.from, item.sights[group].any.from), max(all.to, item.sights[group].any.to)};
    item.work = work_of(index);
    item.start = all.from & ~7;
    item.tiles = all.to < 0 ? 0 : (all.to - item.start) / TILE + 1;
}

// Calls put(row, query) for the rows of an item of which a preparing thread has a piece, with the query that lies there:
// the last one for rows beyond it, of which nothing is seen.
template <typename Put> __device__ __forceinline__ void for_each_row(Work work, int thread, Put put)
{
#pragma unroll 4
    for (u32 row = thread / PIECES; row < BLOCK_QUERIES; row += PREPARED_ROWS)
        put(row, min(work.tile * BLOCK_QUERIES + row, QUERIES - 1));
}

// The same four rows at a time: first load(i, query) for each, so that what they read is on its way together, then put(i,
// row, query).
template <typename Load, typename Put> __device__ __forceinline__ void for_each_loaded_row(Work work, int thread, Load load, Put put)
{
    static_assert(BLOCK_QUERIES % (4 * PREPARED_ROWS) == 0, "whole batches of rows");
    auto query_of = [&](u32 row) { return (u32)min(work.tile * BLOCK_QUERIES + row, QUERIES - 1); };
#pragma unroll 1
    for (u32 row = thread / PIECES; row < BLOCK_QUERIES; row += 4 * PREPARED_ROWS)
    {
#pragma unroll
        for (int i = 0; i < 4; i++)
            load(i, query_of(row + i * PREPARED_ROWS));
#pragma unroll
        for (int i = 0; i < 4; i++)
            put(i, row + i * PREPARED_ROWS, query_of(row + i * PREPARED_ROWS));
    }
}

// What is known of a block's first item, by all of it; barriers are there then, too.
__device__ __forceinline__ void know_first(unsigned char* shared, const int* first, const int* last)
{
    const u32 base = shared_address(shared);
    Item& item = *reinterpret_cast<Item*>(shared + ITEMS_AT);
    const int warp = threadIdx.x / 32;
    if (threadIdx.x == GROUPS * 128)
        init_barriers(base);
    if (warp < GROUPS)
        find_sight(item, work_of(blockIdx.x), warp, first, last);
    __syncthreads();
    if (threadIdx.x == 0)
        know(item, blockIdx.x);
    __syncthreads();
    if (threadIdx.x == 0)
        phase_arrive(base + KNOWN_AT);
}

// What a warp does that prepares items, of which the first is known already. prepare(item, slot, thread) writes this thread's
// part of an item's vectors to their place; found(item) is called by one warp when it is known what the item's queries see.
template <typename Prepare, typename Found> __device__ __forceinline__ void prepare_items(
    unsigned char* shared, const int* first, const int* last, int* next, Prepare prepare, Found found)
{
    const u32 base = shared_address(shared);
    const int thread = threadIdx.x % 128 - LOADERS * 32;
    Item* items = reinterpret_cast<Item*>(shared + ITEMS_AT);

    // Items do not depend on each other: it does not matter who does which. The next one is asked for ahead of time.
    auto ask = [&] { return thread == 0 ? (int)gridDim.x + atomicAdd(next, 1) : 0; };
    int upcoming = ask();
    bool is_known = true;
    for (Turn slot = {0, 1};; advance<2>(slot))
    {
        Item& item = items[slot.place];
        phase_wait(base + DONE_AT + slot.place * 8, slot.parity);
        if (thread < 32 && !is_known)
        {
            const int index = uniform(upcoming);
            upcoming = ask();
            if (index < ITEM_COUNT)
                for (int group = 0; group < GROUPS; group++)
                    find_sight(item, work_of(index), group, first, last);
            warp_barrier();
            if (thread == 0)
            {
                know(item, index);
                phase_arrive(base + KNOWN_AT + slot.place * 8);
            }
        }
        group_barrier(GROUPS + 1, PREPARERS * 32);
        is_known = false;
        const bool more = item.index < BATCH * HEADS * TILES;
        if (more)
        {
            if (thread < 32)
                found(item);
            prepare(item, slot.place, thread);
        }
        publish_writes();
        warp_barrier();
        if (thread % 32 == 0)
            phase_arrive(base + READY_AT + slot.place * 8);
        if (!more)
            break;
    }
}

// What a warp does that loads tiles.
__device__ __forceinline__ void load_tiles(unsigned char* shared, const bf16* k, const bf16* v, const bf16* past)
{
    const u32 base = shared_address(shared);
    const Item* items = reinterpret_cast<const Item*>(shared + ITEMS_AT);
    Turn turn = {0, 1}, landing = {0, 0};
    int under_way = 0;

    // Waits for the part of the tile that was begun first of those under way and says that it is there.
    auto land = [&] {
        if (under_way == 1)
            copy_async_wait<0>();
        else if (under_way == 2)
            copy_async_wait<1>();
        else
            copy_async_wait<2>();
        publish_writes();
        warp_barrier();
        if (threadIdx.x % 32 == 0)
            phase_arrive(base + LANDED_AT + landing.place * 8);
        advance<STAGES>(landing);
        under_way--;
    };

    // While there is something to wait for, those who wait are told at once what is there.
    auto wait = [&](u32 barrier, u32 parity) {
        while (under_way > 0 && (under_way == 3 || !phase_ended(barrier, parity)))
            land();
        phase_wait(barrier, parity);
    };

    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        const Item& item = items[slot.place];
        wait(base + KNOWN_AT + slot.place * 8, slot.parity);
        if (item.index >= ITEM_COUNT)
            break;
        const Work work = item.work;
        const bf16* keys = k + KEYS_OF(work.batch, work.head) * KEY_ROWS * HEAD_WIDTH;
        const bf16* values = AT(V, v, work.batch, 0, work.head);
        const bf16* past_values = AT(VP, past, work.batch, 0, work.head);
        int from = item.start;
        for (int rest = item.tiles; rest > 0; rest--, from += TILE)
        {
            wait(base + RELEASED_AT + turn.place * 8, turn.parity);
            load_tile(base + RING_AT + turn.place * STAGE_BYTES, base + LANDED_AT + turn.place * 8, keys, values, past_values, from);
            advance<STAGES>(turn);
            under_way++;
        }
    }
    while (under_way > 0)
        land();
}

// What the loading warpgroup does.
template <typename Prepare, typename Found> __device__ __forceinline__ void work_ahead(
    unsigned char* shared, const bf16* k, const bf16* v, const bf16* past, const int* first, const int* last, int* next, Prepare prepare, Found found)
{
    if (threadIdx.x / 32 % 4 < LOADERS)
        load_tiles(shared, k, v, past);
    else
        prepare_items(shared, first, last, next, prepare, found);
}

// The part of a computing warpgroup in the ring.
struct Ring
{
    u32 base;
    Turn turn;

    __device__ __forceinline__ u32 keys(int place) const { return base + RING_AT + place * STAGE_BYTES; }
    __device__ __forceinline__ u32 values(int place) const { return keys(place) + TILE_BYTES; }
    __device__ __forceinline__ void wait_landed() const { phase_wait(base + LANDED_AT + turn.place * 8, turn.parity); }
    __device__ __forceinline__ void advance() { ::advance<STAGES>(turn); }

    // Whether the tile behind this one is there already.
    __device__ __forceinline__ bool next_landed() const
    {
        Turn next = turn;
        ::advance<STAGES>(next);
        return phase_ended(base + LANDED_AT + next.place * 8, next.parity);
    }

    __device__ __forceinline__ void release(int place) const
    {
        if (threadIdx.x % 32 == 0)
            phase_arrive(base + RELEASED_AT + place * 8);
    }

    __device__ __forceinline__ void pass_over(int tiles)
    {
        for (int i = 0; i < tiles; i++)
        {
            wait_landed();
            release(turn.place);
            advance();
        }
    }
};

// Tiles begin ... end - 1 of those that are loaded for an item.
struct Tiles
{
    int begin, end;

    __device__ __forceinline__ bool has(int tile) const { return tile >= begin && tile < end; }
};

// Those of which a warpgroup sees something.
__device__ __forceinline__ Tiles seen_tiles(const Item& item, int group)
{
    const Range any = item.sights[group].any;
    return {uniform(any.to < 0 ? 0 : (any.from - item.start) / TILE), uniform(any.to < 0 ? 0 : (any.to - item.start) / TILE + 1)};
}

// Those of which a warp sees everything.
__device__ __forceinline__ Tiles clear_tiles(const Item& item)
{
    const Range* ranges = item.ranges + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const Range all = join_lanes(join(sight_of(ranges[0]), sight_of(ranges[8])), 4).all;
    return {uniform((max(all.from - item.start, 0) + TILE - 1) / TILE), uniform((all.to + 1 - item.start) / TILE)};
}

// Puts `hidden` where a warp's queries do not see the slots of a tile that begins at slot `from`.
template <int N> __device__ __forceinline__ void hide_unseen(float (&x)[N], const Item& item, int from, float hidden)
{
    const Range* ranges = item.ranges + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const int own = from + threadIdx.x % 4 * 2;
    const int begin[2] = {ranges[0].from - own, ranges[8].from - own}, end[2] = {ranges[0].to - own, ranges[8].to - own};
#pragma unroll
    for (int i = 0; i < N; i++)
        x[i] = i / 4 * 8 + i % 2 <= end[i / 2 % 2] ? x[i] : hidden;
    if (any_lane(begin[0] > 0 || begin[1] > 0))
    {
#pragma unroll
        for (int i = 0; i < N; i++)
            x[i] = i / 4 * 8 + i % 2 >= begin[i / 2 % 2] ? x[i] : hidden;
    }
}
