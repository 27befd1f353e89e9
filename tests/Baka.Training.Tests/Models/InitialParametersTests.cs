using Baka.Graph.Reference;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Models;

namespace Baka.Training.Tests.Models;

public sealed class InitialParametersTests
{
    [Fact]
    public void A_mamba_begins_with_rates_of_whole_numbers_and_steps_of_all_sizes()
    {
        var model = new LanguageModel(new ModelRecipe { Layers = 1, Mamba = new() { Every = 1, State = 5 } });
        using var device = new ReferenceDevice();
        using var program = EvaluationProgram.Create(device, model, 1, 1);
        Parameters.Initialize(device, model, seed: 1);

        var rates = Read("layers.0.mamba.a_log");
        Assert.Equal(5 * 256, rates.Length);
        Assert.All(rates.Index(), x => Assert.Equal(1 + x.Index / 256, MathF.Exp(x.Item), 1e-5f));

        // Log-uniform: as many below 0.01 as above.
        var steps = Read("layers.0.mamba.dt.bias").Select(x => Math.Log(1 + Math.Exp(x))).ToArray();
        Assert.All(steps, step => Assert.InRange(step, 0.001 * 0.999, 0.1 * 1.001));
        Assert.InRange(steps.Count(step => step < 0.01), 100, 156);

        float[] Read(string name)
        {
            var values = new float[model.Parameters.Single(p => p.Name == name).Shape.Count];
            device.Read(name, values);
            return values;
        }
    }
}
