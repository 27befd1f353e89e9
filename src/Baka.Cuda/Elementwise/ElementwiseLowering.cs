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
        string[] statements = [.. op.Program.Select((instruction, i) => $"const float r{i} = {Expression(instruction)};")];
        string[] results = [.. op.Results.Select(register => $"r{register}")];
        var kernel = new VectorKernel(step.Inputs, step.Outputs);
        return [kernel.Launch("elementwise", SourceFiles.Read("ElementwiseFunctions.cuh"), statements, results)];
    }

    private static string Expression(Instruction instruction) => ElementwiseExpression.Of(instruction.Op, [.. instruction.Operands.Select(Name)]);

    private static string Name(Operand operand) => operand.Kind switch
    {
        OperandKind.Input => $"a{operand.Index}",
        OperandKind.Register => $"r{operand.Index}",
        _ => ElementwiseExpression.Number(operand.Value),
    };
}
