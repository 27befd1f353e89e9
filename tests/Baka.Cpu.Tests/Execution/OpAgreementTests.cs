using Baka.Cpu.Execution;
using Baka.Graph.Reference;
using Baka.Graph.Tests;

namespace Baka.Cpu.Tests.Execution;

/// <summary>Every op and its gradient, compiled for the CPU, against the naive reference at awkward sizes.</summary>
public sealed class OpAgreementTests
{
    public static TheoryData<string, int> Cases => OpCase.Names(seeds: 6);

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_compiled_op_equals_its_reference(string name, int seed)
    {
        var at = new OpCase(name, seed);
        using var reference = new ReferenceDevice();
        using var cpu = new CpuDevice(1 + seed % 3, MemoryUse.Poisoned);
        var expected = OpRunner.Run(reference, at);
        var actual = OpRunner.Run(cpu, at);
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
