using Baka.Cpu.Execution;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Model.Tests;

namespace Baka.Cpu.Tests.Execution;

/// <summary>Whole training steps, compiled, against the naive evaluation of the same graph.</summary>
public sealed class ModelAgreementTests
{
    private const int Rows = 2;
    private const int Windows = 3;

    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (var (name, threads) in Lab.Zoo.Keys.Select((name, i) => (name, 1 + i % 3)))
            {
                cases.Add(name, threads);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_compiled_training_step_equals_the_reference(string name, int threads)
    {
        using var reference = new ReferenceDevice();
        using var cpu = new CpuDevice(threads, MemoryUse.Poisoned);
        var model = new LanguageModel(Lab.Zoo[name]);
        var expected = TrainTwice(reference, model);
        var actual = TrainTwice(cpu, model);

        Assert.Equal(expected.Losses, actual.Losses, (x, y) => Math.Abs(x - y) < 2e-4f * (1 + Math.Abs(x)));
        AssertClose(expected.Nll, actual.Nll, 1e-4f, "nll");
        foreach (var parameter in model.Parameters)
        {
            // The first moment is a tenth of the (clipped) gradient.
            var moment = $"adam.m.{parameter.Name}";
            AssertClose(expected.Variables[moment], actual.Variables[moment], 2e-5f, moment);
        }

        foreach (var carry in model.Carry(Rows))
        {
            AssertClose(expected.Variables[carry.Name], actual.Variables[carry.Name], 2e-4f, carry.Name);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_thread_count_gives_the_same_bits(int threads)
    {
        // Large enough for every kernel to be shared among the threads.
        var recipe = Lab.Everything with { Dim = 64, Vocabulary = 500, Window = 64, Mlp = new() { Hidden = 256 } };
        var first = Train(threads);
        for (var again = 0; again < 3; again++)
        {
            Assert.Equal(first, Train(threads));
        }

        float[] Train(int workers)
        {
            using var device = new CpuDevice(workers);
            var result = TrainTwice(device, new LanguageModel(recipe));
            return [.. result.Losses, .. result.Nll, .. result.Variables.OrderBy(v => v.Key, StringComparer.Ordinal).SelectMany(v => v.Value)];
        }
    }

    private static (float[] Losses, float[] Nll, Dictionary<string, float[]> Variables) TrainTwice(IDevice device, LanguageModel model)
    {
        // Without momentum's memory of tiny gradients' signs the two ways stay comparable: a small learning rate does that.
        using var program = TrainingProgram.Create(device, model, new TrainRecipe(), Rows, Windows);
        Lab.Initialize(device, model);
        var losses = new List<float>();
        var size = Rows * Windows * model.Recipe.Window;
        for (var step = 0; step < 2; step++)
        {
            var tokens = Lab.Tokens(size, seed: 3 + step);
            var targets = tokens.Skip(1).Append(-1).ToArray();

            // The second row begins another document in the middle of the step.
            int[] documentWindow = [step * Windows, step * Windows + 1, step * Windows + 2, step, 0, 1];
            program.SetBatch(tokens, targets, documentWindow, pauseSeed: 5);
            var result = program.Run(new StepSettings(1e-5, 0.5, step + 1));
            Assert.False(result.Skipped);
            losses.Add(result.Loss);
            losses.Add(result.GradientNorm);
        }

        var nll = new float[size];
        program.CopyNll(nll);
        var variables = device.Variables.ToDictionary(v => v.Key, v =>
        {
            var values = new float[v.Value.Count];
            device.Read(v.Key, values);
            return values;
        });
        return ([.. losses], nll, variables);
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance, string what)
    {
        var scale = expected.Max(MathF.Abs);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                MathF.Abs(expected[i] - actual[i]) <= tolerance * (scale + 1e-3f),
                $"{what}[{i}] is {actual[i]}, not {expected[i]} (largest {scale})");
        }
    }
}
