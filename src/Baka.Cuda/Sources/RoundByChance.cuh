
// Stochastic rounding (arXiv 1502.02551): x as a bfloat16 number, the upper neighbor with the probability of the share of
// the way to it that x has gone. The chance depends on the update, the variable and the place alone.
__device__ __forceinline__ float round_by_chance(float x, int seed, u32 salt, u32 place)
{
    // A mixing of all bits, so that neighboring places and updates have nothing to do with each other.
    u32 chance = place * 0x9e3779b9u + ((u32)seed ^ salt) * 0x85ebca6bu;
    chance = (chance ^ (chance >> 16)) * 0x7feb352du;
    chance = (chance ^ (chance >> 15)) * 0x846ca68bu;
    chance ^= chance >> 16;
    const u32 bits = (u32)__float_as_int(x);

    // Infinity and NaN stay what they are.
    return (bits & 0x7f800000u) == 0x7f800000u ? x : __int_as_float((int)((bits + (chance & 0xffffu)) & 0xffff0000u));
}

