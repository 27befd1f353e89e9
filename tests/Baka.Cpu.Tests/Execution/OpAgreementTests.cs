using Baka.Cpu.Execution;
using Baka.Graph.Reference;
using Baka.Verification.Operations;

namespace Baka.Cpu.Tests.Execution;

/// <summary>Every op and its gradient, compiled for the CPU, against the naive reference at awkward sizes.</summary>
public sealed class OpAgreementTests
{
    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (var (name, seed) in OpCases.All.Keys.SelectMany(name => Enumerable.Range(1, 6).Select(seed => (name, seed))))
            {
                cases.Add(name, seed);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_compiled_op_equals_its_reference(string name, int seed)
    {
        var at = OpCases.Make(name, seed);
        using var reference = new ReferenceDevice();
        using var cpu = new CpuDevice(1 + seed % 3, MemoryUse.Poisoned);
        var expected = at.Run(reference);
        var actual = at.Run(cpu);
        foreach (var (output, values) in expected)
        {
            // Sums of up to a few thousand products of numbers near 1, in another order: some 1e-6 of the largest.
            var scale = values.Max(MathF.Abs) + 1;
            for (var i = 0; i < values.Length; i++)
            {
                Assert.True(MathF.Abs(values[i] - actual[output][i]) <= 1e-5f * scale, $"{output}[{i}] is {actual[output][i]}, not {values[i]}");
            }
        }
    }
}
