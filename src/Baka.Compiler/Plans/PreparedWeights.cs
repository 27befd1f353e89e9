using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>A copy of parameters in the layout and element that products want, and the copying that makes it.</summary>
public sealed record PreparedWeight(Storage Storage, IReadOnlyList<Step> Steps);

/// <summary>
/// Copies of parameters, laid side by side and rounded as matrix products read them, which are made anew only when
/// parameters have changed. Shared by all plans of a device.
/// </summary>
/// <param name="element">What products read.</param>
public sealed class PreparedWeights(Element element, VariablePlacement variables)
{
    private readonly List<Known> _known = [];

    public Element Element { get; } = element;

    public IEnumerable<PreparedWeight> All => _known.Select(k => k.Weight);

    /// <summary>
    /// The copy of such a tensor, made if need be, and where in it the tensor lies: it may be some of what stands one
    /// above the other in a copy that exists.
    /// </summary>
    public (PreparedWeight Weight, View View) Of(Tensor weight)
    {
        string[] parts = [.. Parts(weight).Select(Describe)];
        foreach (var known in _known)
        {
            var first = Enumerable.Range(0, Math.Max(0, known.Parts.Count - parts.Length + 1)).FirstOrDefault(i => known.Parts.Skip(i).Take(parts.Length).SequenceEqual(parts), -1);
            if (first >= 0)
            {
                return (known.Weight, known.View.Slice(0, known.Rows.Take(first).Sum(), weight.Shape[0]));
            }
        }

        var steps = new List<Step>();
        var storage = new Storage(StorageKind.Prepared, string.Join(" ", parts), Element, weight.Shape.Count);
        var view = new View(storage, weight.Shape);
        Fill(weight, view, steps);
        _known.Add(new Known(new PreparedWeight(storage, steps), view, parts, [.. Parts(weight).Select(p => p.Shape[0])]));
        return (_known[^1].Weight, view);
    }

    private static IReadOnlyList<Tensor> Parts(Tensor weight) => weight.Node.Op is Concat { Axis: 0 } ? weight.Node.Inputs : [weight];

    private static string Describe(Tensor weight) => weight.Node.Op switch
    {
        Variable variable => variable.Name,
        Reshape reshape => $"{Operands(weight)}.reshape{reshape.Shape}",
        Permute permute => $"{Operands(weight)}.permute[{string.Join(",", permute.Axes)}]",
        Slice slice => $"{Operands(weight)}[{slice.Axis}:{slice.Start}+{slice.Length}]",
        Concat concat => $"concat{concat.Axis}({Operands(weight)})",
        _ => throw new ArgumentException($"{weight} is no weight."),
    };

    private static string Operands(Tensor weight) => string.Join(", ", weight.Node.Inputs.Select(Describe));

    private void Fill(Tensor weight, View target, List<Step> steps)
    {
        if (variables.Find(weight) is { } source)
        {
            steps.Add(new Step(new Copy(), "weights", [source], [target]));
            return;
        }

        switch (weight.Node.Op)
        {
            case Concat concat:
                var start = 0;
                foreach (var part in weight.Node.Inputs)
                {
                    Fill(part, target.Slice(concat.Axis, start, part.Shape[concat.Axis]), steps);
                    start += part.Shape[concat.Axis];
                }

                break;
            case Reshape when variables.Find(weight.Node.Inputs[0]) is { } inner && target.Reshape(inner.Shape) is { } place:
                steps.Add(new Step(new Copy(), "weights", [inner], [place]));
                break;
            default:
                throw new GraphException($"the weight {Describe(weight)} cannot be laid out for products");
        }
    }

    /// <param name="Parts">Descriptions of what stands one above the other.</param>
    /// <param name="Rows">Of each part.</param>
    private sealed record Known(PreparedWeight Weight, View View, IReadOnlyList<string> Parts, IReadOnlyList<int> Rows);
}
