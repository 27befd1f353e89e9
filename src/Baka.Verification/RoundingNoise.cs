using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Recipes;

namespace Baka.Verification;

/// <summary>
/// Moves every result of the reference by at most what rounding may. What becomes of the graph's results then says how
/// far a device of that precision may be off: through however many ops, however long sums, and wherever values cancel.
/// </summary>
internal sealed class RoundingNoise(Precision precision, int seed)
{
    // Parameters and moments are f32 in every precision, and so is all that they are changed by.
    private const string Optimizer = "adamw";

    private readonly Random _random = new(seed);

    public void Disturb(Node node, float[] values)
    {
        if (IsExact(node.Op) || node.Module == Optimizer)
        {
            return;
        }

        var unit = Rounding.Of(precision, node);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(values[i] * (1 + unit * (2 * _random.NextDouble() - 1)));
        }
    }

    /// <summary>Whether every precision holds the result as it is.</summary>
    private static bool IsExact(Op op) => op
        is Constant or Reshape or Permute or Slice or Broadcast or Concat or Pad or GatherRows or ReplaceRows or Unary { Function: UnaryFunction.Sign };
}
