using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>Turns the steps of a plan into what the GPU does for them.</summary>
internal sealed class StepLowering(LoweringContext context)
{
    /// <exception cref="NotSupportedException">There is no kernel for the step.</exception>
    public IReadOnlyList<Operation> Lower(Step step)
    {
        context.BeginStep();
        return step.Op switch
        {
            _ => throw new NotSupportedException($"{step.Module}: the GPU has no kernel for {step.Op.Kind}."),
        };
    }
}
