using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Model.Tests.Programs;

/// <summary>Gradients of whole models against finite differences.</summary>
public sealed class GradientTests
{
    private const int Rows = 2;

    public static TheoryData<string> Zoo => Lab.ZooNames;

    [Theory]
    [MemberData(nameof(Zoo))]
    public void Every_parameter_gets_the_gradient_that_finite_differences_show(string name)
    {
        // What is detached has no gradient but a difference, so there a step is one window.
        var recipe = Lab.Zoo[name];
        var windows = recipe.Xl.Scheme == XlScheme.Repos ? 1 : 3;
        using var device = new ReferenceDevice();
        var model = new LanguageModel(recipe);
        using var program = Prepare(device, model, windows, withGradients: false);
        using var backward = Prepare(device, model, windows, withGradients: true);

        // With these weights no gate opens or closes within the step of a difference.
        Lab.Initialize(device, model, seed: 2);
        foreach (var carry in model.Carry(Rows))
        {
            // Linear attention divides by what its state holds of features, which is never negative.
            var least = carry.Name.EndsWith("attn.state", StringComparison.Ordinal) ? 0.1f : -1f;
            device.Write(carry.Name, [.. Lab.Tokens((int)carry.Shape.Count, seed: 3).Select(t => t / 5f + least)]);
        }

        backward.Run();
        var gradients = model.Parameters.Select(p => backward.Output(p.Name).ToArray()).ToArray();

        // Where all features of a slot are closed their ε decides, beside which a step must be small.
        var step = recipe.Attn.Kind == AttentionKind.Linear ? 5e-4f : 2e-3f;
        var random = new Random(5);
        for (var i = 0; i < gradients.Length; i++)
        {
            var parameter = model.Parameters[i];
            var norm = Norm(gradients[i]);
            if (windows == 1 && parameter.Name == "memory.weight")
            {
                continue; // Only through a second window does it reach a prediction.
            }

            Assert.True(norm > 1e-6, $"{parameter.Name} gets no gradient");

            // Along the gradient a wrong one shows most, and along a random direction also what it lacks.
            var other = gradients[i].Select(_ => random.NextSingle() - 0.5f).ToArray();
            var otherNorm = Norm(other);
            var direction = gradients[i].Zip(other, (g, r) => (float)(g / norm + r / otherNorm)).ToArray();
            var expected = gradients[i].Zip(direction, (g, d) => (double)g * d).Sum();
            var difference = Difference(device, program, parameter, direction, step);
            Assert.True(Math.Abs(expected - difference) < 1e-3 + 0.02 * norm, $"{parameter.Name}: the gradient gives {expected}, differences {difference}");
        }
    }

    [Theory]
    [InlineData("linear attention")]
    [InlineData("linear attention with everything")]
    [InlineData("mamba")]
    [InlineData("mega")]
    public void What_the_document_held_before_gets_the_gradient_that_finite_differences_show(string name)
    {
        using var device = new ReferenceDevice();
        var model = new LanguageModel(Lab.Zoo[name]);
        var state = model.Carry(1).First(c => c.Name.EndsWith("state", StringComparison.Ordinal));
        var graph = new WindowGraph(model, 1, 2, "carry");
        var loss = graph.AddNll(model).SumAll() / 12f;
        graph.Graph.Output("loss", loss);
        graph.Graph.Output("gradient", Gradients.Of(loss, [graph.Graph.Variables[state.Name]])[0]);
        using var program = device.Load(graph.Graph);
        Lab.Initialize(device, model, seed: 2);
        foreach (var carry in model.Carry(1))
        {
            device.Write(carry.Name, [.. Lab.Tokens((int)carry.Shape.Count, seed: 3).Select(t => t / 5f + 0.1f)]);
        }

        var tokens = Lab.Tokens(12);
        new WindowInputs(model, program, graph.Graph, 1, 2).Fill(tokens, [4, 5], pauseSeed: 9);
        Lab.Targets(tokens).CopyTo(program.Ints("targets"));
        program.Run();
        var gradient = program.Output("gradient").ToArray();
        var norm = Norm(gradient);
        Assert.True(norm > 1e-6);

        var difference = Difference(device, program, new(state.Name, state.Shape, Initialization.Constant(0)), [.. gradient.Select(g => (float)(g / norm))], step: 5e-3f);
        Assert.InRange(difference, 0.97 * norm - 1e-4, 1.03 * norm + 1e-4);
    }

    [Fact]
    public void Repos_hands_no_gradient_to_the_window_before()
    {
        Assert.Equal(0, KeyGradientOfUnpredictedWindow(XlScheme.Repos));
        Assert.NotEqual(0, KeyGradientOfUnpredictedWindow(XlScheme.LongReset));
    }

    /// <summary>With one layer and only the second window predicted, k of tokens that only the first has matters through the cache alone.</summary>
    private static double KeyGradientOfUnpredictedWindow(XlScheme scheme)
    {
        var recipe = Lab.Plain with { Layers = 1, Xl = new() { Scheme = scheme } };
        using var device = new ReferenceDevice();
        var model = new LanguageModel(recipe);
        var graph = new WindowGraph(model, 1, 2, "carry");
        var loss = graph.AddNll(model).SumAll();
        graph.Graph.Output("gradient", Gradients.Of(loss, [graph.Graph.Variables["embed.weight"]])[0]);
        using var program = device.Load(graph.Graph);
        Lab.Initialize(device, model);
        var inputs = new WindowInputs(model, program, graph.Graph, 1, 2);
        inputs.Fill([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6], [0, 1], 0);
        new[] { -1, -1, -1, -1, -1, -1, 5, 6, 4, 5, 6, 4 }.CopyTo(program.Ints("targets"));
        program.Run();
        return Norm(program.Output("gradient").Slice(recipe.Dim, 3 * recipe.Dim).ToArray());
    }

    /// <summary>Two rows in the middle of documents, one of which begins another; with gradients as outputs, or the loss alone.</summary>
    private static IProgram Prepare(IDevice device, LanguageModel model, int windows, bool withGradients)
    {
        var graph = new WindowGraph(model, Rows, windows, "carry");
        var loss = graph.AddNll(model).SumAll() / (Rows * windows * model.Recipe.Window);
        graph.Graph.Output("loss", loss);
        if (withGradients)
        {
            var gradients = Gradients.Of(loss, [.. model.Parameters.Select(p => p.In(graph.Graph))]);
            for (var i = 0; i < gradients.Count; i++)
            {
                graph.Graph.Output(model.Parameters[i].Name, gradients[i]);
            }
        }

        var program = device.Load(graph.Graph);
        var tokens = Lab.Tokens(Rows * windows * model.Recipe.Window);
        new WindowInputs(model, program, graph.Graph, Rows, windows).Fill(
            tokens,
            windows == 1 ? [4, 0] : [4, 5, 0, 0, 1, 2],
            pauseSeed: 9);
        Lab.Targets(tokens).CopyTo(program.Ints("targets"));
        return program;
    }

    private static double Difference(IDevice device, IProgram program, ParameterSpec parameter, float[] direction, float step)
    {
        var value = new float[direction.Length];
        device.Read(parameter.Name, value);
        double Loss(float distance)
        {
            device.Write(parameter.Name, value.Zip(direction, (v, d) => v + distance * d).ToArray());
            program.Run();
            return program.Output("loss")[0];
        }

        var difference = (Loss(step) - Loss(-step)) / (2 * step);
        device.Write(parameter.Name, value);
        return difference;
    }

    private static double Norm(float[] x) => Math.Sqrt(x.Sum(v => (double)v * v));
}
