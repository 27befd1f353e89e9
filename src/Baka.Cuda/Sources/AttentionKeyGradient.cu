// dk and dv on tensor cores: a block takes BLOCK_SLOTS consecutive slots of a head's key stream, 16 for each warp, and goes
// over the tiles of queries that give them a gradient. Everything is transposed, so that keys are rows:
// pT = exp(k qT - lse), dsT = pT (v doT - delta), dv = pT do, dk = dsT q / sqrt(f), turned back.
//
// turned_q, moments, ranges and sights come from the kernel for dq; their rows are padded to whole tiles. Slots before
// FIRST_SLOT want no gradient. There are QUERY_TILES tiles of queries.

#define BLOCK_SLOTS (WARPS * 16)
#define STAGE_BYTES (2 * TILE_BYTES + TILE * 16)

struct Moments
{
    float log_sum, delta;
};

// Queries, upstream gradients, moments and ranges of a tile. What the upstream gradient of a query that gives none
// holds must not matter: it becomes 0.
__device__ __forceinline__ void load_stage(u32 stage, const bf16* turned_q, const bf16* upstream, const Moments* moments, const Range* ranges, const Sight* sights, int tile)
{
    const int query = tile * TILE;
    copy_rows<8, PADDED_WIDTH>(stage, turned_q + (i64)query * PADDED_WIDTH, [](int) { return true; });
    if (sights[tile].all.to >= 0)
        copy_rows<8, DO_ROW>(stage + TILE_BYTES, upstream + (i64)query * DO_ROW, [&](int row) { return query + row < DO_ROWS; });
    else
        copy_rows<8, DO_ROW>(stage + TILE_BYTES, upstream + (i64)query * DO_ROW, [&](int row) { return query + row < DO_ROWS && ranges[query + row].to >= 0; });
    for (int i = threadIdx.x; i < TILE; i += THREADS)
    {
        int row = query + i % (TILE / 2) * 2;
        const void* from = i < TILE / 2 ? (const void*)(moments + row) : (const void*)(ranges + row);
        copy_async_16(stage + 2 * TILE_BYTES + i * 16, from, true);
    }
}

// 0 for slots that take nothing from a query; p and ds are transposed: a row for each slot from `slot` on.
__device__ __forceinline__ void hide(float (&p)[TILE / 8][4], float (&ds)[TILE / 8][4], const int* ranges, int slot)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int n = 0; n < TILE / 8; n++)
    {
        Pack<int, 4> slots = load_pack<4>(ranges + (n * 8 + lane % 4 * 2) * 2);
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            const bool takes = contains({slots.at[j % 2 * 2], slots.at[j % 2 * 2 + 1]}, slot + j / 2 * 8 + lane / 4);
            p[n][j] = takes ? p[n][j] : 0.0f;
            ds[n][j] = takes ? ds[n][j] : 0.0f;
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) attention_key_gradient(
    const bf16* __restrict__ k, const bf16* __restrict__ v, const bf16* __restrict__ past, const Rotation* __restrict__ known,
    const bf16* __restrict__ turned_q, const bf16* __restrict__ upstream, const Moments* __restrict__ moments,
    const Range* __restrict__ ranges, const Sight* __restrict__ sights,
    DK_TYPE* __restrict__ dk, DV_TYPE* __restrict__ dv, DKP_TYPE* __restrict__ dk_past, DVP_TYPE* __restrict__ dv_past)
{
    DYNAMIC_SHARED(shared);
    unsigned char* own = first_tile(shared);
    unsigned char* ring = own + BLOCK_SLOTS / TILE * 2 * TILE_BYTES;
    __shared__ unsigned short active[QUERY_TILES];
    __shared__ int active_count;

    const Work work = find_work();
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int pair = work.batch * HEADS + work.head, first_slot = FIRST_SLOT + work.tile * BLOCK_SLOTS;
    turned_q += (i64)pair * QUERY_TILES * TILE * PADDED_WIDTH;
    moments += (i64)pair * QUERY_TILES * TILE;
    ranges += work.batch * QUERY_TILES * TILE;
    sights += work.batch * QUERY_TILES;
    upstream = AT(DO, upstream, work.batch, 0, work.head);

    // The block's keys and values, alternating tiles.
    const u32 own_address = shared_address(own);
    for (int i = 0; i < BLOCK_SLOTS / TILE; i++)
        load_slots(own_address + i * 2 * TILE_BYTES, k + KEYS_OF(work.batch, work.head) * STREAM * PADDED_WIDTH, AT(V, v, work.batch, 0, work.head), AT(VP, past, work.batch, 0, work.head), first_slot + i * TILE);
    copy_async_commit();

    // The query tiles that matter, in ascending order.
    if (warp == 0)
    {
        int count = 0;
        for (int tile = lane; tile - lane < QUERY_TILES; tile += 32)
        {
            bool matters = tile < QUERY_TILES && !sees_none(sights[tile], first_slot, first_slot + BLOCK_SLOTS - 1);
            u32 all = warp_ballot(matters);
            if (matters)
                active[count + __popc(all & ((1u << lane) - 1))] = (unsigned short)tile;
            count += __popc(all);
        }
        if (lane == 0)
            active_count = count;
    }
    __syncthreads();

    const int end = active_count;
    const u32 ring_address = shared_address(ring);
    for (int i = 0; i < STAGES - 1; i++)
    {
        if (i < end)
            load_stage(ring_address + i * STAGE_BYTES, turned_q, upstream, moments, ranges, sights, active[i]);
        copy_async_commit();
    }
    const u32 left_keys = own_address + warp / 4 * 2 * TILE_BYTES + place(warp % 4 / GROUP_WARPS * 16, 0), left_values = left_keys + TILE_BYTES;
    const int warp_slot = first_slot + warp * 16, group_slot = first_slot + warp / GROUP_WARPS * GROUP_WARPS * 16;
    float key_gradient[1][COLUMNS][4] = {}, value_gradient[1][COLUMNS][4] = {};

    for (int i = 0, stage = 0; i < end; i++)
    {
        copy_async_wait<STAGES - 2>();
        publish_tiles();
        __syncthreads();
        if (i + STAGES - 1 < end)
            load_stage(ring_address + (stage + STAGES - 1) % STAGES * STAGE_BYTES, turned_q, upstream, moments, ranges, sights, active[i + STAGES - 1]);
        copy_async_commit();

        const u32 queries = ring_address + stage * STAGE_BYTES, upstreams = queries + TILE_BYTES;
        const float* tile_moments = reinterpret_cast<const float*>(ring + stage * STAGE_BYTES + 2 * TILE_BYTES);
        const int* tile_ranges = reinterpret_cast<const int*>(tile_moments + TILE * 2);
        const Sight sight = sights[active[i]];
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        if (sees_none(sight, group_slot, group_slot + GROUP_WARPS * 16 - 1))
            continue;

        // Sums that begin with -lse and -delta need no subtraction afterwards.
        float p[1][TILE / 8][4], ds[1][TILE / 8][4];
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
        {
            Pack<float, 4> both = load_pack<4>(tile_moments + (n * 8 + lane % 4 * 2) * 2);
            p[0][n][0] = p[0][n][2] = -both.at[0];
            p[0][n][1] = p[0][n][3] = -both.at[2];
            ds[0][n][0] = ds[0][n][2] = -both.at[1];
            ds[0][n][1] = ds[0][n][3] = -both.at[3];
        }
        settle(p);
        settle(ds);
        multiply_rows<true>(p, left_keys, queries);
        multiply_rows<true>(ds, left_values, upstreams);
        wait_for_sums<1>(p);
#pragma unroll
        for (int j = 0; j < TILE / 2; j++)
            p[0][j / 4][j % 4] = exp2_fast(p[0][j / 4][j % 4]);
        wait_for_sums<0>(ds);
#pragma unroll
        for (int j = 0; j < TILE / 2; j++)
            ds[0][j / 4][j % 4] *= p[0][j / 4][j % 4];
        if (!sees_all(sight, warp_slot, warp_slot + 15))
            hide(p[0], ds[0], tile_ranges, warp_slot);
        u32 left_p[1][TILE / 16][4], left_ds[1][TILE / 16][4];
        to_left(left_p, p);
        to_left(left_ds, ds);
        settle(value_gradient);
        settle(key_gradient);
        multiply_columns(value_gradient, left_p, upstreams);
        multiply_columns(key_gradient, left_ds, queries);
        wait_for_sums<0>(value_gradient);
        wait_for_sums<0>(key_gradient);
    }

    // The factor that turned_q has and k's gradient has not: dk = ds q / sqrt(f).
#pragma unroll
    for (int r = 0; r < 2; r++)
#pragma unroll
        for (int n = 0; n < COLUMNS; n++)
        {
            float x = key_gradient[0][n][r * 2] * LN_2, y = key_gradient[0][n][r * 2 + 1] * LN_2;
            Rotation by[1];
            load_rotations(by, known, min(warp_slot + r * 8 + lane / 4, STREAM - 1), n * 4 + lane % 4);
            rotate_back(x, y, by[0]);
            key_gradient[0][n][r * 2] = x;
            key_gradient[0][n][r * 2 + 1] = y;
        }
    copy_async_wait<0>();
    __syncthreads();
    float* stage = reinterpret_cast<float*>(own) + warp * 16 * STAGE_PITCH;
    stage_rows(stage, key_gradient[0]);
    warp_barrier();
    for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
        int slot = warp_slot + row;
        if (slot < PAST)
            store_columns<DKP_VECTOR>(AT(DKP, dk_past, work.batch, slot, work.head) + column, column, x);
        else if (slot < STREAM)
            store_columns<DK_VECTOR>(AT(DK, dk, work.batch, slot - PAST, work.head) + column, column, x);
    });
    warp_barrier();
    stage_rows(stage, value_gradient[0]);
    warp_barrier();
    for_each_piece(stage, [&](int row, int column, const float (&x)[8]) {
        int slot = warp_slot + row;
        if (slot < PAST)
            store_columns<DVP_VECTOR>(AT(DVP, dv_past, work.batch, slot, work.head) + column, column, x);
        else if (slot < STREAM)
            store_columns<DV_VECTOR>(AT(DV, dv, work.batch, slot - PAST, work.head) + column, column, x);
    });
}
