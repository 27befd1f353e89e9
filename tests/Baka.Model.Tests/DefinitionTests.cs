using Baka.Graph.Reference;
using Baka.Model.Programs;

namespace Baka.Model.Tests;

public sealed class DefinitionTests
{
    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void The_graph_computes_what_the_specification_defines(string name)
    {
        var recipe = Lab.Zoo[name];
        var tokens = Lab.Tokens(5 * recipe.Window);
        using var device = new ReferenceDevice();
        var model = new LanguageModel(recipe);
        using var program = EvaluationProgram.Create(device, model, 1, 1);
        Lab.Initialize(device, model);
        var weights = model.Parameters.ToDictionary(p => p.Name, p =>
        {
            var values = new float[p.Shape.Count];
            device.Read(p.Name, values);
            return values;
        });
        var expected = new Definition(recipe, weights).Nll(tokens).Select(v => (float)v);

        Lab.Near([.. expected, 0], Lab.Evaluate(recipe, tokens, 1));
    }
}
