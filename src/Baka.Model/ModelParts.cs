using System.Globalization;
using System.Text.RegularExpressions;

namespace Baka.Model;

/// <summary>
/// The parts of a model that can be trained by themselves. Every parameter belongs to one, which its name tells; the
/// layers from a to b, <c>layers.a-b</c>, are parts too.
/// </summary>
internal static partial class ModelParts
{
    /// <summary>The part of a parameter, such as <c>attn</c> for <c>layers.0.attn.q.weight</c>.</summary>
    public static string Of(string parameter)
    {
        var path = parameter.Split('.');
        return Array.Exists(path, p => p is "norm" or "norm_out" || p.EndsWith("_norm", StringComparison.Ordinal)) ? "norms"
            : path.Contains("lora") ? "lora"
            : path switch
            {
                ["layers", _, var branch, ..] => branch,
                ["lm_head", ..] => "head",
                _ => path[0],
            };
    }

    /// <summary>The parameters that belong to at least one of the parts.</summary>
    public static IReadOnlyList<ParameterSpec> Select(IReadOnlyList<ParameterSpec> parameters, IReadOnlyCollection<string> parts) =>
        [.. parameters.Where(p => parts.Any(part => Holds(part, p.Name)))];

    /// <summary>What is wrong, without its full stop, with parts that are to be trained; null if nothing is.</summary>
    public static string? Problem(IReadOnlyList<ParameterSpec> parameters, int layers, IReadOnlyCollection<string> parts)
    {
        if (parts.Count == 0)
        {
            return "train.only is [], so that nothing would be trained: name parts or set it to null";
        }

        var known = parameters.Select(p => Of(p.Name)).Distinct().ToList();
        var missing = parts.FirstOrDefault(part => Layers(part) is { } range ? range.Last < range.First || (range.Last ?? range.First) >= layers : !known.Contains(part));
        return missing is null ? null : $"train.only names {missing}, but the parts of this model are {string.Join(", ", known)}, and layers.0-{layers - 1} or some of them";
    }

    private static bool Holds(string part, string parameter)
    {
        if (Layers(part) is not { } range)
        {
            return Of(parameter) == part;
        }

        return parameter.Split('.') is ["layers", var number, ..] && int.Parse(number, CultureInfo.InvariantCulture) is var layer
            && layer >= range.First && !(layer > range.Last);
    }

    /// <summary>The layers that a part names, an open end being null; null where it names no layers.</summary>
    private static (int First, int? Last)? Layers(string part)
    {
        var match = Range().Match(part);
        if (!match.Success)
        {
            return null;
        }

        var first = int.Parse(match.Groups["first"].ValueSpan, CultureInfo.InvariantCulture);
        return (first, match.Groups["last"] is { Success: true } last ? int.Parse(last.ValueSpan, CultureInfo.InvariantCulture)
            : match.Groups["open"].Success ? null : first);
    }

    [GeneratedRegex(@"^layers\.(?<first>[0-9]{1,4})((?<open>-)(?<last>[0-9]{1,4})?)?\z")]
    private static partial Regex Range();
}
