using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests;

public sealed class DefinitionTests
{
    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void The_graph_computes_what_the_specification_defines(string name)
    {
        RequireDefined(Lab.Zoo[name]);
    }

    [Theory]
    [InlineData(200, 0)] // five chunks of 40 slots in every window
    [InlineData(197, 0)] // a prime number: a window is one chunk
    [InlineData(190, 5)] // with memory, one window after the other
    public void Linear_attention_in_chunks_is_what_its_definition_says(int window, int memory)
    {
        RequireDefined(Lab.Plain with { Layers = 1, Window = window, Memory = new() { Tokens = memory }, Attn = new() { Kind = AttentionKind.Linear } });
    }

    [Fact]
    public void Any_combination_computes_what_the_specification_defines()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var recipe = Lab.AnyRecipe(seed);
            try
            {
                RequireDefined(recipe);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{recipe} goes wrong", e);
            }
        }
    }

    private static void RequireDefined(ModelRecipe recipe)
    {
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
        Lab.Near([.. expected, 0], Lab.Evaluate(recipe, tokens, 5));
    }
}
