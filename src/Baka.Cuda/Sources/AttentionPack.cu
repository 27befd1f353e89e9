// Rows [BATCH, ROWS, HEADS, HEAD_WIDTH] to a dense [BATCH, HEADS, Y_ROWS, PADDED_WIDTH], each turned to its place in the
// key stream, FIRST_SLOT + row. A thread does the same PIECE columns of a row for all heads, which share their angles.

#define PIECES (PADDED_WIDTH / PIECE)

extern "C" __global__ void __launch_bounds__(256) attention_pack(const X_TYPE* __restrict__ x, Y_TYPE* __restrict__ y)
{
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= BATCH * ROWS * PIECES)
        return;
    int column = i % PIECES * PIECE, row = i / PIECES % ROWS, batch = i / PIECES / ROWS;
    Rotation rotations[PIECE / 2];
#pragma unroll
    for (int pair = 0; pair < PIECE / 2; pair++)
        rotations[pair] = rotation_at(FIRST_SLOT + row, column / 2 + pair);
    const X_TYPE* from = AT(X, x, batch, row, 0) + column;
    Y_TYPE* to = AT(Y, y, batch, row, 0) + column;
#pragma unroll 4
    for (int head = 0; head < HEADS; head++)
    {
        float values[PIECE];
        load_columns<X_VECTOR>(from + head * X_HEAD, column, values);
#pragma unroll
        for (int pair = 0; pair < PIECE / 2; pair++)
        {
#if ONLY_FINITE
            values[2 * pair] = is_finite(values[2 * pair]) ? values[2 * pair] : 0.0f;
            values[2 * pair + 1] = is_finite(values[2 * pair + 1]) ? values[2 * pair + 1] : 0.0f;
#endif
            rotate(values[2 * pair], values[2 * pair + 1], rotations[pair]);
        }
        store_parts<Y_VECTOR>(to + head * Y_HEAD, values);
    }
}
