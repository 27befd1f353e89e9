using Baka.Compiler.Fusion;

namespace Baka.Compiler.Plans;

/// <summary>
/// Lets the kernels that give parameters their new values write the copies that products read too: they have the values
/// in registers, and after an update there is nothing left to prepare.
/// </summary>
internal static class WeightRefresh
{
    /// <summary>Adds outputs to the steps for every weight of which no part is left out.</summary>
    /// <returns>The weights that are up to date after the steps.</returns>
    public static IReadOnlyList<PreparedWeight> Apply(List<Step> steps, IEnumerable<PreparedWeight> weights)
    {
        var refreshed = new List<PreparedWeight>();
        foreach (var weight in weights)
        {
            // Until the last product has read it, a copy must stay as it is.
            var lastRead = steps.FindLastIndex(step => step.Inputs.Any(view => view.Storage == weight.Storage));
            var writers = weight.Steps.Select(copy => Find(steps, copy, lastRead + 1)).OfType<Writer>().ToArray();
            if (writers.Length < weight.Steps.Count)
            {
                continue;
            }

            foreach (var (index, output, place) in writers)
            {
                steps[index] = WithCopy(steps[index], output, place);
            }

            refreshed.Add(weight);
        }

        return refreshed;
    }

    private static Writer? Find(List<Step> steps, Step copy, int first)
    {
        for (var i = first; i < steps.Count; i++)
        {
            for (var k = 0; steps[i].Op is FusedElementwise && k < steps[i].Outputs.Count; k++)
            {
                if (Place(copy, steps[i].Outputs[k]) is { } place && Access.InnerStride(place) == 1 && ElementwiseLoops.Cuts([.. steps[i].Inputs, .. steps[i].Outputs, place]) is not null)
                {
                    return new Writer(i, k, place);
                }
            }
        }

        return null;
    }

    /// <summary>The target of a copy in the order of a parameter's elements, if they are all that is copied.</summary>
    private static View? Place(Step copy, View parameter)
    {
        var (from, to) = (copy.Inputs[0], copy.Outputs[0]);
        var axes = from.AxesAsTheyLie();
        var source = from.Permute(axes);
        return source.Storage == parameter.Storage && source.Offset == parameter.Offset && source.Shape.Count == parameter.Shape.Count && source.IsDense && parameter.IsDense
            ? to.Permute(axes)
            : null;
    }

    private static Step WithCopy(Step step, int output, View place)
    {
        var op = (FusedElementwise)step.Op;
        return step with
        {
            Op = op with { Results = op.Results.Add(op.Results[output]), Shapes = op.Shapes.Add(place.Shape) },
            Outputs = [.. step.Outputs, place],
        };
    }

    /// <param name="Index">Of the step.</param>
    /// <param name="Output">Which of its outputs is the parameter.</param>
    /// <param name="Place">Where its copy belongs.</param>
    private sealed record Writer(int Index, int Output, View Place);
}
