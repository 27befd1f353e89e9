using Baka.Model.Recipes.Schema;

namespace Baka.Model.Recipes;

/// <summary>Checks of a whole recipe.</summary>
internal static class RecipeChecks
{
    /// <param name="where">What the sentence begins with: the file or the recipe's name.</param>
    public static void Check(Recipe recipe, string where)
    {
        foreach (var (section, record) in RecipeSchema.Root.Walk(recipe))
            foreach (var field in section.Fields)
                if (field.Get(record) is var value && !field.Kind.Allows(value))
                    throw new RecipeException($"{where}: {field.Path} must be {field.Kind.Description}, not {value ?? "null"}.");

        var conflict = RecipeSchema.Root.Walk(recipe)
            .Select(x => x.Record).OfType<IRecipeRules>()
            .SelectMany(x => x.Conflicts(recipe)).FirstOrDefault();
        if (conflict is not null) throw new RecipeException($"{where}: {conflict}.");
    }

    /// <summary>The conflicts of a technique that is switched off while one of its keys asks for something.</summary>
    /// <param name="record">The technique's section as it is.</param>
    /// <param name="off">The section switched off and otherwise untouched.</param>
    /// <param name="because">How it was switched off, such as "pause.count is 0".</param>
    /// <param name="switchKey">The key that switches the technique on.</param>
    public static IEnumerable<string> Idle<T>(T record, T off, string because, string switchKey)
        where T : notnull =>
        from field in RecipeSchema.Root.All().Single(x => x.Type == typeof(T)).Fields
        where !Equals(field.Get(record), field.Get(off))
        select $"{field.Path} is {field.Show(field.Get(record))}, but {because}: set {switchKey} or leave out {field.Path}";
}
