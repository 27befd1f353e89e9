// Which part of the work a block does. Blocks start in the order of their numbers: GROUP heads at a time, so that what
// they read stays in the cache, and of these the tiles with the most work first, so that all end at about the same time.

__device__ const unsigned short attention_order[TILES] = ORDER;

struct Work
{
    int batch, head, tile;
};

__device__ __forceinline__ Work work_of(int index)
{
    int group = index / (GROUP * TILES), rest = index % (GROUP * TILES);
    int heads = min(GROUP, BATCH * HEADS - group * GROUP);
    int pair = group * GROUP + rest % heads;
    return {pair / HEADS, pair % HEADS, attention_order[rest / heads]};
}

__device__ __forceinline__ Work find_work() { return work_of(blockIdx.x); }
