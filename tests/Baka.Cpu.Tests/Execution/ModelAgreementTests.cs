using Baka.Cpu.Execution;
using Baka.Model.Recipes;
using Baka.Verification;
using Baka.Verification.Checks;
using Baka.Verification.Models;

namespace Baka.Cpu.Tests.Execution;

/// <summary>Whole training steps, compiled, against the naive evaluation of the same graph.</summary>
public sealed class ModelAgreementTests
{
    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (var (check, i) in Catalog.All(Precision.F32).Where(check => check.Group == "model").Select((check, i) => (check, i)))
            {
                cases.Add(check.Name, 1 + i % 3);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_compiled_training_step_equals_the_reference(string name, int threads)
    {
        var target = new Target(() => new CpuDevice(threads, MemoryUse.Poisoned), Precision.F32);
        var check = Catalog.All(Precision.F32).Single(check => check.Group == "model" && check.Name == name);
        var result = Assert.Single(Verifier.Run(target, [check]));
        Assert.True(result.Passed, $"{result.Detail}: {result.Error}, which is more than {result.Tolerance}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_thread_count_gives_the_same_bits(int threads)
    {
        // Large enough for every kernel to be shared among the threads.
        var recipe = ModelCases.Everything with { Dim = 64, Vocabulary = 500, Window = 64, Mlp = new() { Hidden = 256 } };
        var first = Train();
        for (var again = 0; again < 3; again++)
        {
            Assert.Equal(first, Train());
        }

        float[] Train()
        {
            using var device = new CpuDevice(threads);
            return [.. TrainingSteps.Run(device, recipe, windows: 3).SelectMany(seen => seen.Values)];
        }
    }
}
