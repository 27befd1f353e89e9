using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Causal linear attention with positions by permutation (PermuteFormer, arXiv 2109.02377): with features φ(x) = relu(x) + ε,
/// a permutation P and a ratio r of every head, o_i = Σ_{j ≤ i} w_ij v_j / Σ_{j ≤ i} w_ij, where
/// w_ij = (r^i P^i φ(q_i)) · (r^−j P^j φ(k_j)) = r^(i−j) φ(q_i) · P^(j−i) φ(k_j).
/// </summary>
/// <remarks>
/// A document's past is a matrix for every head: M = Σ_j r^(t−j) [v_j ; 1] (P^(j−t) φ(k_j))ᵀ before slot t. Slots are taken in chunks,
/// weights inside of one, M from one to the next; all of them at once, as products of batches (docs/linear-attention.md).
/// </remarks>
internal sealed class LinearAttention : Module
{
    private const float Epsilon = 1e-3f;

    // Rows of values end with a 1, whose weighted sum is the denominator. They are widened by this to keep multiples of 16 bytes.
    private const int Ones = 8;

    private readonly int _heads;
    private readonly bool _fades;
    private readonly FeatureCycles? _cycles;
    private readonly RunningState _state;

    /// <param name="name">Of the module it is a part of.</param>
    /// <param name="keyWidth">Of queries and keys, all heads together.</param>
    public LinearAttention(string name, ModelRecipe recipe, int keyWidth)
        : base(name)
    {
        _heads = recipe.Heads;
        _fades = recipe.Attn.Fade;
        _cycles = recipe.Attn.Permute ? new FeatureCycles(_heads, keyWidth / _heads) : null;
        _state = Part(new RunningState(name, "state", _heads, recipe.Dim / _heads + Ones, keyWidth / _heads));
    }

    /// <summary>q, k [N, key width], v [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor q, Tensor k, Tensor v, Pass pass)
    {
        var at = new Chunks(pass, _heads);
        var (query, key) = (at.Batched(Features(q, at)), at.Batched(Features(k, at)));
        var values = at.Batched(WithOnes(at.ByHead(v).Permute(0, 2, 1, 3)));

        // Inside a chunk: the weights of slots up to each slot.
        var weights = at.IsUnseen.Select(0f, Faded(at.ByChunk(query.BatchMatMul(key, false, true)), at.Distance));
        var now = at.Batched(weights).BatchMatMul(values);

        // From chunk to chunk: what slots leave at the end of theirs, and what slots read that was there at its beginning.
        var left = at.Batched(at.ByChunk(values) * Shares(at.IsOver, at.ToEnd));
        var (past, final) = Past(left.BatchMatMul(key, true, false), at, pass);
        var (then, shares) = (query.BatchMatMul(past, false, true), Shares(at.IsCut, at.Place));

        // Positions of the next pass begin at 0 again.
        _state[pass] = _cycles?.TurnBack(final, [.. Enumerable.Repeat(at.Slots, final.Shape[2])]) ?? final;
        var width = v.Shape[1] / _heads;
        var o = Sum(0, width) / Sum(width, 1);
        return o.Reshape(at.Rows, _heads, at.Slots, width).Permute(0, 2, 1, 3).Reshape(v.Shape);

        Tensor Sum(int start, int count) => at.ByChunk(now.Slice(2, start, count)) + at.ByChunk(then.Slice(2, start, count)) * shares;
    }

    /// <summary>
    /// M before every chunk [chunks of all, c, f] and after the last [B, h, c, f], from what chunks leave: M_c = Σ_e r^(C (c − e)) G_e
    /// over the e ≤ c between which nothing begins. G_0 is the state, G_e what chunk e − 1 leaves, C the length of chunks.
    /// </summary>
    private (Tensor Past, Tensor Final) Past(Tensor left, Chunks at, Pass pass)
    {
        var (channels, width) = (left.Shape[1], left.Shape[2]);
        var (batch, size) = (at.Rows * _heads, channels * width);

        // Chosen before the product as well, so that what the row held for another document reaches nothing.
        var state = at.IsFresh.Select(0f, _state[pass]);
        var all = Tensor.Concat(1, state.Reshape(batch, 1, size), left.Reshape(batch, at.Count, size));
        var shares = Shares(at.IsLost, at.FromChunk).Reshape(batch, at.Count + 1, at.Count + 1);
        return (
            shares.Slice(1, 0, at.Count).BatchMatMul(all).Reshape(left.Shape),
            shares.Slice(1, at.Count, 1).BatchMatMul(all).Reshape(at.Rows, _heads, channels, width));
    }

    /// <summary>P^t φ(x_t) of every slot t of the pass: [N, width] → [B, h, slots, f].</summary>
    private Tensor Features(Tensor x, Chunks at)
    {
        var features = (at.ByHead(x).Maximum(0f) + Epsilon).Permute(0, 2, 1, 3);
        return _cycles?.Turn(features, [.. Enumerable.Range(0, at.Slots)]) ?? features;
    }

    /// <summary>What of something is there at a distance, 0 where it is hidden: hidden [B, 1, ..] → [B, h, ..].</summary>
    private Tensor Shares(Tensor hidden, Tensor distance)
    {
        int[] ones = [.. Enumerable.Repeat(1, hidden.Shape.Rank - 2)];
        var whole = hidden.Node.Graph.Constant(1f).Reshape(new Shape([1, 1, .. ones])).BroadcastTo(new Shape([1, _heads, .. ones]));
        return hidden.Select(0f, Faded(whole, distance));
    }

    /// <summary>r^distance x of every head, x being [B, h, ..]. The paper's r are σ(2 + 3i/h) for head i of h.</summary>
    private Tensor Faded(Tensor x, Tensor distance)
    {
        if (!_fades)
        {
            return x;
        }

        var head = x.Node.Graph.Constant([.. Enumerable.Range(0, _heads)]).ToFloat();
        var log = -(-(head * (3f / _heads) + 2f)).Softplus();
        int[] ones = [.. Enumerable.Repeat(1, x.Shape.Rank - 2)];
        return x * (log.Reshape(new Shape([_heads, .. ones])) * distance).Exp();
    }

    private static Tensor WithOnes(Tensor values)
    {
        Tensor All(float value, int width) => values.Node.Graph.Constant(value).Reshape(1, 1, 1, 1).BroadcastTo(values.Shape.With(3, width));
        return Tensor.Concat(3, values, All(1, 1), All(0, Ones - 1));
    }
}
