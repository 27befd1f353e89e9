namespace Baka.Graph.Ops;

/// <summary>
/// Which gradients of y = f(x, w) a fused backward op computes: dx, dw or both, in this order. What is frozen costs nothing.
/// </summary>
public readonly record struct WantedGradients(bool Input, bool Weight)
{
    public static WantedGradients Both { get; } = new(true, true);

    public static WantedGradients Of(GradientContext context) => new(context.Needed[0], context.Needed[1]);

    /// <summary>Of what belongs to dx and to dw, that of the wanted ones.</summary>
    public IEnumerable<T> Choose<T>(T input, T weight)
    {
        if (Input)
        {
            yield return input;
        }

        if (Weight)
        {
            yield return weight;
        }
    }

    /// <summary>Where dx lies among outputs of which the gradients begin with a given one; null where it is not wanted.</summary>
    public int? InputAt(int first) => Input ? first : null;

    /// <summary>The same of dw.</summary>
    public int? WeightAt(int first) => !Weight ? null : Input ? first + 1 : first;

    /// <summary>(dx, dw) as a gradient rule gives them, null where not wanted.</summary>
    public IReadOnlyList<Tensor?> From(Node backward, int first) =>
        [InputAt(first) is { } dx ? backward.Outputs[dx] : null, WeightAt(first) is { } dw ? backward.Outputs[dw] : null];
}
