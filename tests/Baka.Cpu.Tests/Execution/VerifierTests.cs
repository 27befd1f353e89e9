using Baka.Cpu.Execution;
using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Recipes;
using Baka.Verification;
using Baka.Verification.Checks;

namespace Baka.Cpu.Tests.Execution;

/// <summary>Checks that fail must fail: devices with faults are found out, and those without are not.</summary>
public sealed class VerifierTests
{
    public static TheoryData<string> Groups => ["op", "large op", "model", "memory", "repetition"];

    [Theory]
    [MemberData(nameof(Groups))]
    public void A_sound_device_passes(string group)
    {
        // Every group in full is what 'baka selftest' does.
        var checks = Catalog.All(Precision.F32).Where(check => check.Group == group).Where((_, i) => i % 9 == 1).ToArray();
        Assert.All(Run(() => new CpuDevice(2, MemoryUse.Poisoned), checks), result => Assert.True(result.Passed, $"{result.Check}: {result.Detail}"));
    }

    [Theory]
    [InlineData("op", "product", 1e-4f)]
    [InlineData("op", "attention over windows", 1e-4f)]
    [InlineData("large op", "layer norm of 1000", 1e-3f)]
    [InlineData("model", "everything", 1e-4f)]
    public void A_result_that_is_slightly_off_in_one_place_fails(string group, string name, float error)
    {
        var result = Assert.Single(Run(() => new FaultyDevice(error), [.. Catalog.All(Precision.F32).Where(check => (check.Group, check.Name) == (group, name))]));
        Assert.False(result.Passed);
        Assert.True(result.Error > result.Tolerance);
    }

    [Theory]
    [InlineData("op", "siblings")]
    [InlineData("large op", "adamw")]
    [InlineData("model", "plain")]
    public void With_bf16_the_tolerance_is_larger_and_a_larger_error_still_fails(string group, string name)
    {
        var check = Catalog.All(Precision.Bf16).Single(check => (check.Group, check.Name) == (group, name));
        Assert.True(Assert.Single(Verifier.Run(new Target(() => new FaultyDevice(1e-4f), Precision.Bf16), [check])).Passed);
        Assert.False(Assert.Single(Verifier.Run(new Target(() => new FaultyDevice(0.3f), Precision.Bf16), [check])).Passed);
    }

    [Fact]
    public void What_is_not_a_number_fails() =>
        Assert.False(Assert.Single(Run(() => new FaultyDevice(float.NaN), [Catalog.All(Precision.F32)[0]])).Passed);

    [Fact]
    public void A_check_that_throws_has_failed_and_the_next_goes_on()
    {
        var opened = 0;
        var results = Run(() => ++opened == 1 ? throw new InvalidOperationException("no kernel for it") : new CpuDevice(1), [.. Catalog.All(Precision.F32).Take(2)]);
        Assert.Equal([false, true], results.Select(result => result.Passed));
        Assert.Equal("no kernel for it", results[0].Detail);
    }

    [Fact]
    public void After_a_device_has_died_nothing_more_is_tried()
    {
        var results = Run(() => throw new InvalidOperationException("out of order"), [.. Catalog.All(Precision.F32).Take(5)]);
        Assert.Equal(2, results.Count);
        Assert.Contains("later checks were left out", results[1].Detail);
    }

    private static List<CheckResult> Run(Func<IDevice> open, IReadOnlyList<Check> checks) => [.. Verifier.Run(new Target(open, Precision.F32), checks)];

    /// <summary>Every output and variable is read with an error in its middle element: a share of the largest.</summary>
    private sealed class FaultyDevice(float error) : IDevice
    {
        private readonly CpuDevice _inner = new(1);

        public IReadOnlyDictionary<string, Shape> Variables => _inner.Variables;

        public IProgram Load(TensorGraph graph, int groups = 1) => new Program(_inner.Load(graph, groups), error);

        public void Read(string variable, Span<float> to)
        {
            _inner.Read(variable, to);
            Spoil(to, error);
        }

        public void Write(string variable, ReadOnlySpan<float> from) => _inner.Write(variable, from);

        public void Dispose() => _inner.Dispose();

        private static void Spoil(Span<float> values, float error)
        {
            var largest = 0f;
            foreach (var value in values)
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            values[values.Length / 2] += error * largest;
        }

        private sealed class Program(IProgram inner, float error) : IProgram
        {
            public Span<int> Ints(string input) => inner.Ints(input);

            public Span<float> Floats(string input) => inner.Floats(input);

            public void Run(int group = 0) => inner.Run(group);

            public ReadOnlySpan<float> Output(string name)
            {
                var values = inner.Output(name).ToArray();
                Spoil(values, error);
                return values;
            }

            public void Dispose() => inner.Dispose();
        }
    }
}
