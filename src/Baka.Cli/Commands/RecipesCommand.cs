using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;

namespace Baka.Cli.Commands;

/// <summary><c>baka recipes</c>: what can be trained by name.</summary>
internal sealed class RecipesCommand : BakaCommand
{
    private readonly Argument<string?> _recipe = new("RECIPE") { Description = "Print this one with every key written out", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<bool> _json = Common.Json();

    public RecipesCommand(Terminal terminal)
        : base(terminal, "recipes", "List the built-in recipes, or print one in full")
    {
        Examples =
        [
            ("baka recipes", "names and what they are"),
            ("baka recipes rmt-16 > mine.yaml", "a recipe to change and to train with 'baka train mine.yaml'"),
        ];
        Add(_recipe, _set, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        if (arguments.GetValue(_recipe) is { } name)
        {
            Terminal.Output.Write(RecipeLoader.Load(name, arguments.GetRequiredValue(_set)).ToYaml());
            return 0;
        }

        var recipes = RecipeLoader.Presets.Concat(RecipeLoader.BuiltIn.Except(RecipeLoader.Presets)).Select(recipe => (Name: recipe, About: About(recipe))).ToList();
        if (arguments.GetValue(_json))
        {
            foreach (var recipe in recipes)
                Terminal.WriteLine(Json.Line(new { recipe.Name, recipe.About }));
        }
        else
        {
            Terminal.Screen.Write(Tables.Facts(recipes));
        }

        return 0;
    }

    /// <summary>The comment that a recipe begins with.</summary>
    private static string About(string recipe)
    {
        using var reader = new StreamReader(typeof(RecipeLoader).Assembly.GetManifestResourceStream($"recipes/{recipe}")!);
        return reader.ReadLine()!.TrimStart('#', ' ');
    }
}
