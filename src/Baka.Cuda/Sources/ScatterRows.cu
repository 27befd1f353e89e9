// y [ROWS, WIDTH]: row i becomes the sum of the rows of x [COUNT, WIDTH] with index i, or gets it added where ADDS; rows without any are left alone. The
// positions come sorted by index (SortRows.cu), so the rows of x with one index are a run.
//
// scatter_tiles: a block sums the runs in TILE neighboring places, however long runs are. A run inside the tile is done then. Of
// one that is cut, the tile's share goes to partial [tiles, 2, WIDTH]: [., 0] if the run comes from the tile before, else [., 1].
// scatter_joins: the block of the tile where a cut run begins adds its shares in their order.

#define VECTORS (WIDTH / VECTOR)
#define TILES ((COUNT + TILE - 1) / TILE)
#define UNROLL 8

__device__ __forceinline__ void finish(Y_TYPE* y, float (&sum)[VECTOR])
{
#if ADDS
    float before[VECTOR];
    load_floats(y, before);
#pragma unroll
    for (int k = 0; k < VECTOR; k++)
        sum[k] += before[k];
#endif
    store_floats(y, sum);
}

extern "C" __global__ void __launch_bounds__(THREADS) scatter_tiles(
    const X_TYPE* __restrict__ x, const int* __restrict__ keys, const int* __restrict__ order, Y_TYPE* __restrict__ y, float* __restrict__ partial)
{
    __shared__ int key_at[TILE + 2]; // from the place before the tile to the place after it
    __shared__ int position_at[TILE];
    int first = blockIdx.x * TILE;
    int count = min(TILE, COUNT - first);
    for (int i = threadIdx.x; i < TILE + 2; i += THREADS)
    {
        int place = first - 1 + i;
        key_at[i] = place >= 0 && place < COUNT ? keys[place] : -1;
        if (i < count)
            position_at[i] = order[first + i];
    }
    __syncthreads();

    for (int v = threadIdx.x; v < VECTORS; v += THREADS)
    {
        float sum[VECTOR] = {};
        int start = 0;
        for (int base = 0; base < count; base += UNROLL)
        {
            Pack<X_TYPE, VECTOR> rows[UNROLL];
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (base + u < count && key_at[base + u + 1] < ROWS)
                    rows[u] = load_pack<VECTOR>(x + (i64)position_at[base + u] * X_STRIDE + v * VECTOR);

#pragma unroll
            for (int u = 0; u < UNROLL; u++)
            {
                int i = base + u;
                if (i >= count || key_at[i + 1] >= ROWS)
                    break;

                int key = key_at[i + 1];
#pragma unroll
                for (int k = 0; k < VECTOR; k++)
                    sum[k] += to_float(rows[u].at[k]);
                if (i + 1 < count && key_at[i + 2] == key)
                    continue;

                bool from_before = start == 0 && key_at[0] == key;
                bool goes_on = key_at[i + 2] == key;
                if (from_before || goes_on)
                    store_floats(partial + ((i64)blockIdx.x * 2 + (from_before ? 0 : 1)) * WIDTH + v * VECTOR, sum);
                else
                    finish(y + (i64)key * WIDTH + v * VECTOR, sum);

                start = i + 1;
#pragma unroll
                for (int k = 0; k < VECTOR; k++)
                    sum[k] = 0;
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) scatter_joins(const int* __restrict__ keys, const float* __restrict__ partial, Y_TYPE* __restrict__ y)
{
    int tile = blockIdx.x;
    int next = (tile + 1) * TILE;
    int key = keys[next - 1];
    bool from_before = tile > 0 && keys[tile * TILE] == key && keys[tile * TILE - 1] == key;
    if (key >= ROWS || keys[next] != key || from_before)
        return;

    // The last tile that begins with the key.
    int last = tile + 1;
    for (int after = TILES; after - last > 1;)
    {
        int middle = (last + after) / 2;
        if (keys[middle * TILE] == key)
            last = middle;
        else
            after = middle;
    }

    for (int v = threadIdx.x; v < VECTORS; v += THREADS)
    {
        float sum[VECTOR];
        load_floats(partial + ((i64)tile * 2 + 1) * WIDTH + v * VECTOR, sum);
#pragma unroll 4
        for (int t = tile + 1; t <= last; t++)
        {
            float share[VECTOR];
            load_floats(partial + (i64)t * 2 * WIDTH + v * VECTOR, share);
#pragma unroll
            for (int k = 0; k < VECTOR; k++)
                sum[k] += share[k];
        }
        finish(y + (i64)key * WIDTH + v * VECTOR, sum);
    }
}
