using Baka.Cli.Shell;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Training.Models;

namespace Baka.Cli.Commands;

/// <summary>The self-test of a recipe with random weights, or of a checkpoint with its own.</summary>
internal static class MemoryTest
{
    /// <param name="model">A run, a checkpoint, or a recipe.</param>
    /// <param name="overrides">Keys of the recipe.</param>
    /// <param name="device">Where to test.</param>
    public static IReadOnlyList<SelfTestCheck> Run(string model, IReadOnlyList<string> overrides, DeviceChoice device)
    {
        if (!Directory.Exists(model))
        {
            var recipe = RecipeLoader.Load(model, overrides);
            return Test(device.Preferring(recipe.Precision), recipe.Model, (on, of) => Parameters.Initialize(on, of, (ulong)recipe.Train.Seed));
        }

        if (overrides.Count > 0)
            throw new UsageException("--set is for recipes: a checkpoint has its own.", "baka doctor");
        using var loaded = LoadedModel.Open(model, device);
        return Test(device.Preferring(loaded.Recipe.Precision), loaded.Recipe.Model, (on, of) => Copy(loaded.Device, on, of));
    }

    private static IReadOnlyList<SelfTestCheck> Test(DeviceChoice device, ModelRecipe recipe, Action<IDevice, LanguageModel> initialize) =>
        SelfTest.Run(device.Create, recipe, initialize, SelfTest.ToleranceOf(device.EffectivePrecision));

    private static void Copy(IDevice from, IDevice to, LanguageModel model)
    {
        foreach (var parameter in model.Parameters)
        {
            var values = new float[parameter.Shape.Count];
            from.Read(parameter.Name, values);
            to.Write(parameter.Name, values);
        }
    }
}
