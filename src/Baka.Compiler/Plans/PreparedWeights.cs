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
    private readonly Dictionary<string, PreparedWeight> _known = [];

    public Element Element { get; } = element;

    public IReadOnlyCollection<PreparedWeight> All => _known.Values;

    /// <summary>The copy of such a tensor, made if need be.</summary>
    public PreparedWeight Of(Tensor weight)
    {
        var name = Describe(weight);
        if (!_known.TryGetValue(name, out var prepared))
        {
            var steps = new List<Step>();
            var storage = new Storage(StorageKind.Prepared, name, Element, weight.Shape.Count);
            Fill(weight, new View(storage, weight.Shape), steps);
            _known[name] = prepared = new PreparedWeight(storage, steps);
        }

        return prepared;
    }

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
        if (Source(weight) is { } source)
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
            case Reshape when Source(weight.Node.Inputs[0]) is { } inner && target.Reshape(inner.Shape) is { } place:
                steps.Add(new Step(new Copy(), "weights", [inner], [place]));
                break;
            default:
                throw new GraphException($"the weight {Describe(weight)} cannot be laid out for products");
        }
    }

    /// <summary>The weight as a view into a variable, or null where no strides express that.</summary>
    private View? Source(Tensor weight) => weight.Node.Op switch
    {
        Variable variable => variables.Place(variable, groups: 1),
        Reshape reshape => Source(weight.Node.Inputs[0])?.Reshape(reshape.Shape),
        Permute permute => Source(weight.Node.Inputs[0])?.Permute(permute.Axes),
        Slice slice => Source(weight.Node.Inputs[0])?.Slice(slice.Axis, slice.Start, slice.Length),
        _ => null,
    };
}
