using System.Globalization;
using System.Numerics;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes.Schema;

/// <summary>A whole or real number within a range.</summary>
internal sealed class NumberKind<T>(string noun, NumberRange range) : ValueKind
    where T : INumber<T>
{
    public override string Description { get; } = noun + range.Description;

    public override bool Allows(object? value) => value is T number && T.IsFinite(number) && range.Holds(double.CreateSaturating(number));

    public override bool TryRead(Node node, out object? value)
    {
        value = null;
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (node is not Scalar scalar || !T.TryParse(scalar.Text, Style, CultureInfo.InvariantCulture, out var number)) return false;
        value = number;
        return true;
    }

    public override Node Write(object? value) => new Scalar(((T)value!).ToString(null, CultureInfo.InvariantCulture).ToLowerInvariant(), Plain: true);
}

/// <summary>The limits an attribute declares for a number.</summary>
internal sealed class NumberRange(KeyAttribute key)
{
    public string Description { get; } = string.Join(" and", new[]
    {
        double.IsFinite(key.Min) ? FormattableString.Invariant($" ≥ {key.Min}") : "",
        double.IsFinite(key.Above) ? FormattableString.Invariant($" > {key.Above}") : "",
        double.IsFinite(key.Max) ? FormattableString.Invariant($" ≤ {key.Max}") : "",
        double.IsFinite(key.Below) ? FormattableString.Invariant($" < {key.Below}") : "",
    }.Where(limit => limit != ""));

    public bool Holds(double number) => number >= key.Min && number <= key.Max && number > key.Above && number < key.Below;
}
