using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Elementwise;

/// <summary>A fused elementwise program as one kernel in which every intermediate value stays in a register.</summary>
internal static class ElementwiseLowering
{
    /// <exception cref="NotSupportedException">There is no code for one of its ops.</exception>
    public static IReadOnlyList<Operation> Lower(FusedElementwise op, Step step, LoweringContext context)
    {
        var statements = Statements(op);
        string[] results = [.. op.Results.Select(register => Chance(op, register, step, context) is >= 0 and var k ? $"round_by_chance(r{register}, *seed, salt + {k}u, {VectorKernel.Place})" : $"r{register}")];
        var kernel = new VectorKernel(step.Inputs, step.Outputs);
        var functions = SourceFiles.Read("ElementwiseFunctions.cuh");
        if (!step.Outputs.Any(o => IsRoundedByChance(o, context)))
        {
            return [kernel.Launch("elementwise", functions, statements, results)];
        }

        // Every variable has chances of its own.
        var salt = new Argument.Int((int)Salt(step.Outputs[0]));
        return [kernel.Launch("elementwise", functions + SourceFiles.Read("RoundByChance.cuh"), statements, results, (new Parameter("const int*", "seed"), context.RoundingSeed!), (new Parameter("u32", "salt"), salt))];
    }

    /// <summary>The first output that is a value rounded by chance, or −1. Copies of it are rounded as it is.</summary>
    private static int Chance(FusedElementwise op, int register, Step step, LoweringContext context) =>
        Enumerable.Range(0, op.Results.Length).FirstOrDefault(k => op.Results[k] == register && IsRoundedByChance(step.Outputs[k], context), -1);

    /// <summary>What is done for one element, with inputs a0, a1, …, to the values r0, r1, ….</summary>
    public static IReadOnlyList<string> Statements(FusedElementwise op) => [.. op.Program.Select((instruction, i) => $"const float r{i} = {Expression(instruction)};")];

    /// <summary>What changes by steps smaller than its last digit would stand still if it were rounded to nearest.</summary>
    private static bool IsRoundedByChance(View output, LoweringContext context) =>
        context.RoundingSeed is not null && output.Storage is { IsTrained: true, Type: Element.BFloat16 };

    /// <summary>FNV-1a over the name and place of a variable: the same in every process.</summary>
    private static uint Salt(View variable)
    {
        var hash = 2166136261u ^ (uint)variable.Offset;
        foreach (var letter in variable.Storage.Name)
        {
            hash = (hash ^ letter) * 16777619u;
        }

        return hash;
    }

    private static string Expression(Instruction instruction) => ElementwiseExpression.Of(instruction.Op, [.. instruction.Operands.Select(Name)]);

    private static string Name(Operand operand) => operand.Kind switch
    {
        OperandKind.Input => $"a{operand.Index}",
        OperandKind.Register => $"r{operand.Index}",
        _ => ElementwiseExpression.Number(operand.Value),
    };
}
