using Baka.Model.Recipes;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Baka.Cli.Options;

/// <summary>Makes options whose values are checked, and refused in a sentence.</summary>
internal static class Values
{
    /// <summary>A whole number; null when the option is not given.</summary>
    public static Option<int?> Whole(string name, string description, int atLeast) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= atLeast)
                return value;
            result.AddError($"{name} must be a whole number of at least {atLeast}, not '{text}'.");
            return null;
        },
    };

    /// <summary>A number above, or from, some value on; null when the option is not given.</summary>
    public static Option<double?> Number(string name, string helpName, string description, double from, bool exclusive = false, double to = double.MaxValue) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && (exclusive ? value > from : value >= from) && value <= to)
            {
                return value;
            }

            var range = (exclusive ? $"above {from}" : $"of at least {from}") + (to < double.MaxValue ? $" and at most {to}" : "");
            result.AddError(FormattableString.Invariant($"{name} must be a number {range}, not '{text}'."));
            return null;
        },
    };

    /// <summary>One of a few words.</summary>
    public static Option<string> Choice(string name, string description, params string[] choices) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', choices),
        DefaultValueFactory = _ => choices[0],
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (choices.Contains(text))
                return text;
            result.AddError($"{name} must be {string.Join(" or ", choices)}, not '{text}'.");
            return null;
        },
    };

    /// <summary>One of an enumeration's values, written as in recipes; null when the option is not given.</summary>
    public static Option<T?> Choice<T>(string name, string description)
        where T : struct, Enum
    {
        var choices = Enum.GetValues<T>().ToDictionary(ChoiceName.Of);
        return new Option<T?>(name)
        {
            Description = description,
            HelpName = string.Join('|', choices.Keys),
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (choices.TryGetValue(text, out var choice))
                    return choice;
                result.AddError($"{name} must be {string.Join(" or ", choices.Keys)}, not '{text}'.");
                return null;
            },
        };
    }

    /// <summary>A text or a path; null when the option is not given.</summary>
    public static Option<string?> Text(string name, string helpName, string description) => new(name) { Description = description, HelpName = helpName };

    /// <summary>Texts or paths, each with the option's name before it.</summary>
    public static Option<string[]> Texts(string name, string helpName, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => [],
    };

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    /// <summary>An amount of memory in bytes, such as 16GB; null when the option is not given.</summary>
    public static Option<long?> Memory(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = result =>
        {
            if (ByteSize.TryParse(result.Tokens[0].Value, out var bytes))
                return bytes;
            result.AddError($"{name} must be a size such as 16GB, 800MB or 15.5GiB, not '{result.Tokens[0].Value}'.");
            return null;
        },
    };
}
