// What a norm of rows of WIDTH columns and its gradient have in common. GROUP threads, a warp or the block, hold a row: thread i
// has the vectors i, i + GROUP, ...
//
// Rows are heads of HEAD columns. A narrow row has the first USED of every head and no others; VECTOR divides both numbers.

#define VECTORS (WIDTH / VECTOR)
#define HELD ((VECTORS + GROUP - 1) / GROUP)
#define EXISTS(k) (((k) + 1) * GROUP <= VECTORS || lane + (k) * GROUP < VECTORS)

// Whether a narrow row has a column, and where.
__device__ __forceinline__ bool is_used(u32 column) { return USED == HEAD || column % HEAD < USED; }
__device__ __forceinline__ u32 narrow(u32 column) { return USED == HEAD ? column : column / HEAD * USED + column % HEAD; }

