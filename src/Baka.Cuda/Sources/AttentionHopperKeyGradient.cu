// dk and dv on Hopper's tensor cores: a block takes 64 GROUPS consecutive slots of a head's key stream, 64 for each
// warpgroup, and goes over the tiles of 64 queries that give them a gradient. Everything is transposed, so that keys are
// rows: pT = exp(k qT - lse), dsT = pT (v doT - delta), dv = pT do, dk = dsT q / sqrt(f), turned back. One block for each
// multiprocessor takes one item of work after the other; a warp of one more warpgroup loads all that the others need.
//
// turned_q, packed_upstream, moments, ranges and sights come from the kernel for dq; there are QUERY_TILES tiles of
// queries. Slots before FIRST_SLOT want no gradient; items begin at a multiple of 8, as swizzled rows do. `next` is 0 at
// first. Registers have room for a group's keys and values where HELD, for products of the next tile's values while this
// one's gradients are summed where AHEAD.

#define THREADS (GROUPS * 128 + 128)
#define BLOCK_KEYS (GROUPS * 64)
#define ITEM_SLOT(tile) (FIRST_SLOT / 8 * 8 + (tile) * BLOCK_KEYS)
#define TILE_BYTES (64 * ROW_BYTES)
#define GROUP_BYTES (2 * TILE_BYTES) // Keys, values.
#define SLOT_BYTES (GROUPS * GROUP_BYTES)

// Where a piece of packed keys lies, in elements.
#define KEY_PLACE(slot, piece) (SWIZZLED ? piece_place(slot, piece) / 2 : (slot) * PADDED_WIDTH + (piece) * 8)

// Shared memory, in bytes: keys and values of two items by warpgroup, rings of tiles of queries, of upstream gradients,
// of moments, of ranges and of sights, two items, barriers.
#define QUERIES_AT (2 * SLOT_BYTES)
#define UPSTREAMS_AT (QUERIES_AT + STAGES * TILE_BYTES)
#define MOMENTS_AT (UPSTREAMS_AT + STAGES * TILE_BYTES)
#define RANGES_AT (MOMENTS_AT + STAGES * 512)
#define SIGHTS_AT (RANGES_AT + STAGES * 512)
#define ITEMS_AT (SIGHTS_AT + STAGES * 16)
#define LANDED_AT (ITEMS_AT + 2 * 16) // Tiles are there.
#define RELEASED_AT (LANDED_AT + STAGES * 8)
#define READY_AT (RELEASED_AT + STAGES * 8) // The same of items.
#define DONE_AT (READY_AT + 2 * 8)

struct Item
{
    Work work;
    int tiles; // How many are loaded; fewer than 0: no more work.
};

// Starts to load the keys and values of an item.
__device__ __forceinline__ void load_keys(u32 to, const bf16* k, const bf16* v, const bf16* past, int slot)
{
    for (int i = threadIdx.x % 32; i < BLOCK_KEYS * PIECES; i += 32)
    {
        const int row = i / PIECES, piece = i % PIECES, at = slot + row;
        const bf16* value = at < PAST ? past + (i64)at * VP_ROW : v + (i64)(at - PAST) * V_ROW;
        const u32 place = to + row / 64 * GROUP_BYTES + place_in<64>(row % 64, piece);
        copy_async_16(place, k + KEY_PLACE(at, piece), at < STREAM);
        copy_piece<VALUE_VECTOR>(place + TILE_BYTES, value + piece * 8, piece * 8, at < STREAM);
    }
    copy_async_commit();
}

// What the loading warp does.
__device__ __forceinline__ void load_all(
    unsigned char* shared, const bf16* k, const bf16* v, const bf16* past, const bf16* turned_q, const bf16* upstream, const float* moments,
    const Range* ranges, const Sight* sights, int* next)
{
    const u32 base = shared_address(shared);
    const int lane = threadIdx.x % 32;
    Item* items = reinterpret_cast<Item*>(shared + ITEMS_AT);
    Turn turn = {0, 1};

    // Items do not depend on each other: it does not matter who does which. The next one is asked for ahead of time.
    int upcoming = lane == 0 ? atomicAdd(next, 1) : 0;
    for (Turn slot = {0, 1};; advance<2>(slot))
    {
        const u32 ready = base + READY_AT + slot.place * 8;
        phase_wait(base + DONE_AT + slot.place * 8, slot.parity);
        const int index = uniform(upcoming);
        if (lane == 0)
            upcoming = atomicAdd(next, 1);
        if (index >= BATCH * HEADS * TILES)
        {
            if (lane == 0)
            {
                items[slot.place].tiles = -1;
                phase_arrive(ready);
            }
            break;
        }

        const Work work = work_of(index);
        const int pair = work.batch * HEADS + work.head, first_slot = ITEM_SLOT(work.tile);
        load_keys(
            base + slot.place * SLOT_BYTES, k + KEYS_OF(work.batch, work.head) * KEY_ROWS * PADDED_WIDTH, AT(V, v, work.batch, 0, work.head),
            AT(VP, past, work.batch, 0, work.head), first_slot);

        // The tiles that matter, in ascending order.
        const Sight* sight = sights + work.batch * QUERY_TILES;
        auto matter = [&](int start) {
            const int tile = start + lane;
            return warp_ballot(tile < QUERY_TILES && !sees_none(sight[min(tile, QUERY_TILES - 1)], first_slot, first_slot + BLOCK_KEYS - 1));
        };
        int count = 0;
        for (int start = 0; start < QUERY_TILES; start += 32)
            count += __popc(matter(start));
        if (lane == 0)
            items[slot.place] = {work, count};
        copy_async_wait<0>();
        publish_writes();
        warp_barrier();
        if (lane == 0)
            phase_arrive(ready);

        for (int start = 0; start < QUERY_TILES; start += 32)
            for (u32 rest = matter(start); rest != 0; rest &= rest - 1)
            {
                const int tile = start + __ffs(rest) - 1, place = turn.place;
                phase_wait(base + RELEASED_AT + place * 8, turn.parity);
                if (lane == 0)
                {
                    const i64 from = (i64)pair * QUERY_TILES + tile, common = (i64)work.batch * QUERY_TILES + tile;
                    const u32 landed = base + LANDED_AT + place * 8;
                    phase_arrive_expecting(landed, 2 * TILE_BYTES + 512 + 512 + 16);
                    copy_bulk(base + QUERIES_AT + place * TILE_BYTES, turned_q + from * 64 * STORED_WIDTH, TILE_BYTES, landed);
                    copy_bulk(base + UPSTREAMS_AT + place * TILE_BYTES, upstream + from * 64 * STORED_WIDTH, TILE_BYTES, landed);
                    copy_bulk(base + MOMENTS_AT + place * 512, moments + from * 2 * 64, 512, landed);
                    copy_bulk(base + RANGES_AT + place * 512, ranges + common * 64, 512, landed);
                    copy_bulk(base + SIGHTS_AT + place * 16, sights + common, 16, landed);
                }
                warp_barrier();
                advance<STAGES>(turn);
            }
    }
}

// What a computing warpgroup does.
__device__ __forceinline__ void find_gradients(unsigned char* shared, const Rotation* known, DK_TYPE* dk, DV_TYPE* dv, DKP_TYPE* dk_past, DVP_TYPE* dv_past)
{
    const u32 base = shared_address(shared);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = uniform((int)threadIdx.x / 128);
    Turn turn = {0, 0};
    auto release = [&](int place) {
        if (lane == 0)
            phase_arrive(base + RELEASED_AT + place * 8);
    };
    for (Turn slot = {0, 0};; advance<2>(slot))
    {
        phase_wait(base + READY_AT + slot.place * 8, slot.parity);
        const Item& item = reinterpret_cast<const Item*>(shared + ITEMS_AT)[slot.place];
        int rest = uniform(item.tiles);
        if (rest < 0)
            break;
        const Work work = item.work;
        const u32 keys = base + slot.place * SLOT_BYTES + group * GROUP_BYTES, values = keys + TILE_BYTES;
        const int group_slot = ITEM_SLOT(work.tile) + group * 64;
        float p[32], ds[32], key_gradient[SUMS], value_gradient[SUMS];
        u32 value_weights[4][4], key_weights[4][4];
        clear_products(key_gradient);
        clear_products(value_gradient);
        // The next tile that gives the warpgroup something, or -1.
        auto find_tile = [&]() -> int {
            for (; rest > 0; rest--)
            {
                const int place = turn.place;
                phase_wait(base + LANDED_AT + place * 8, turn.parity);
                advance<STAGES>(turn);
                if (any_lane(!sees_none(reinterpret_cast<const Sight*>(shared + SIGHTS_AT)[place], group_slot, group_slot + 63)))
                {
                    rest--;
                    return place;
                }
                release(place);
            }
            return -1;
        };
#if HELD
        u32 key_rows[STEPS][4], value_rows[STEPS][4];
        load_rows(key_rows, keys, warp % 4 * 16);
        load_rows(value_rows, values, warp % 4 * 16);
#else
        const u32 key_rows = keys, value_rows = values;
#endif
        auto multiply_queries = [&](int place) {
            multiply_heads(p, key_rows, base + QUERIES_AT + place * TILE_BYTES);
            commit_products();
        };
        auto multiply_upstreams = [&](int place) {
            multiply_heads(ds, value_rows, base + UPSTREAMS_AT + place * TILE_BYTES);
            commit_products();
        };
        auto add_gradients = [&](int place) {
            add_weighted_rows(value_gradient, value_weights, base + UPSTREAMS_AT + place * TILE_BYTES);
            add_weighted_rows(key_gradient, key_weights, base + QUERIES_AT + place * TILE_BYTES);
            commit_products();
        };

        int place = find_tile();
        if (place >= 0)
        {
            // In this order: the next tile's scores, so that they are there first; then what this tile gives.
            int before = -1;
            auto wait_gradients = [&] {
                wait_products<0>(value_gradient);
                wait_products<0>(key_gradient);
                if (before >= 0)
                    release(before);
            };
            auto multiply = [&] {
                multiply_queries(place);
                if constexpr (AHEAD)
                    multiply_upstreams(place);
            };
            begin_products();
            multiply();
            commit_products();
            for (;;)
            {
                wait_products<AHEAD ? 2 : 1>(p);
                const float* moments = reinterpret_cast<const float*>(shared + MOMENTS_AT + place * 512) + lane % 4 * 2;
#pragma unroll
                for (int i = 0; i < 32; i += 4)
                {
                    const Pack<float, 2> log_sums = load_pack<2>(moments + i * 2);
#pragma unroll
                    for (int j = 0; j < 4; j++)
                        p[i + j] = exp2_fast(p[i + j] - log_sums.at[j % 2]);
                }

                // The branches also keep the assembler from moving waits up in front of what is computed meanwhile.
                const bool all = any_lane(sees_all(reinterpret_cast<const Sight*>(shared + SIGHTS_AT)[place], group_slot, group_slot + 63));
                if (!all)
                {
                    const int* ranges = reinterpret_cast<const int*>(shared + RANGES_AT + place * 512) + lane % 4 * 4;
                    const int own_slot = group_slot + warp % 4 * 16 + lane / 4;
#pragma unroll
                    for (int i = 0; i < 32; i += 4)
                    {
                        const Pack<int, 4> slots = load_pack<4>(ranges + i * 4);
#pragma unroll
                        for (int j = 0; j < 4; j++)
                            p[i + j] = contains({slots.at[j % 2 * 2], slots.at[j % 2 * 2 + 1]}, own_slot + j / 2 * 8) ? p[i + j] : 0.0f;
                    }
                }
                if constexpr (AHEAD)
                    wait_products<1>(ds);
                else
                {
                    wait_gradients();
                    begin_products();
                    multiply_upstreams(place);
                    wait_products<0>(ds);
                }
#pragma unroll
                for (int i = 0; i < 32; i += 4)
                {
                    const Pack<float, 2> deltas = load_pack<2>(moments + 64 + i * 2);
#pragma unroll
                    for (int j = 0; j < 4; j++)
                        ds[i + j] = (ds[i + j] - deltas.at[j % 2]) * p[i + j];
                }
                if (!all)
                    drop_unseen(ds, p);
                if constexpr (AHEAD)
                    wait_gradients();
                before = place;
                to_weights(value_weights, p);
                to_weights(key_weights, ds);
                place = find_tile();
                if (place < 0)
                    break;
                begin_products();
                multiply();
                add_gradients(before);
            }
            begin_products();
            add_gradients(before);
            wait_gradients();
        }

        // The factor that turned_q has and k's gradient has not: dk = ds q / sqrt(f).
        const int warp_slot = group_slot + warp % 4 * 16;
#pragma unroll
        for (int i = 0; i < SUMS; i += 2)
        {
            float x = key_gradient[i] * LN_2, y = key_gradient[i + 1] * LN_2;
            Rotation by[1];
            load_rotations(by, known, min(warp_slot + i / 2 % 2 * 8 + lane / 4, STREAM - 1), i / 4 * 4 + lane % 4);
            rotate_back(x, y, by[0]);
            key_gradient[i] = x;
            key_gradient[i + 1] = y;
        }

        // Results go out through the place of the warpgroup's keys and values.
        group_barrier(1 + group, 128);
        unsigned char* stage = shared + slot.place * SLOT_BYTES + group * GROUP_BYTES + warp % 4 * 16 * STAGED_BYTES;
        stage_rows(stage, key_gradient);
        warp_barrier();
        for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
            int at = warp_slot + row;
            if (at < FIRST_SLOT)
                return;
            if (at < PAST)
                store_columns<DKP_VECTOR>(AT(DKP, dk_past, work.batch, at, work.head) + column, column, x);
            else if (at < STREAM)
                store_columns<DK_VECTOR>(AT(DK, dk, work.batch, at - PAST, work.head) + column, column, x);
        });
        warp_barrier();
        stage_rows(stage, value_gradient);
        warp_barrier();
        for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
            int at = warp_slot + row;
            if (at < FIRST_SLOT)
                return;
            if (at < PAST)
                store_columns<DVP_VECTOR>(AT(DVP, dv_past, work.batch, at, work.head) + column, column, x);
            else if (at < STREAM)
                store_columns<DV_VECTOR>(AT(DV, dv, work.batch, at - PAST, work.head) + column, column, x);
        });
        warp_barrier();
        if (lane == 0)
            phase_arrive(base + DONE_AT + slot.place * 8);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_hopper_key_gradient(
    const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past, const Rotation* __restrict__ known,
    const bf16* __restrict__ turned_q, const bf16* __restrict__ packed_upstream, const float* __restrict__ moments,
    const Range* __restrict__ ranges, const Sight* __restrict__ sights,
    DK_TYPE* __restrict__ dk, DV_TYPE* __restrict__ dv, DKP_TYPE* __restrict__ dk_past, DVP_TYPE* __restrict__ dv_past, int* next)
{
    DYNAMIC_SHARED(shared);
    if (threadIdx.x == 0)
    {
        const u32 base = shared_address(shared);
        for (int stage = 0; stage < STAGES; stage++)
        {
            phase_init(base + LANDED_AT + stage * 8, 1);
            phase_init(base + RELEASED_AT + stage * 8, GROUPS * 4);
        }
        for (int slot = 0; slot < 2; slot++)
        {
            phase_init(base + READY_AT + slot * 8, 1);
            phase_init(base + DONE_AT + slot * 8, GROUPS * 4);
        }
        publish_writes();
    }
    __syncthreads();
    if (threadIdx.x / 128 == GROUPS)
    {
        give_registers<LOADING_REGISTERS>();
        if (threadIdx.x / 32 == GROUPS * 4)
            load_all(shared, k, v, past, turned_q, packed_upstream, moments, ranges, sights, next);
    }
    else
    {
        take_registers<COMPUTING_REGISTERS>();
        find_gradients(shared, known, dk, dv, dk_past, dv_past);
    }
}
