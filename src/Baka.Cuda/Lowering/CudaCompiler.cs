using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Graph;
using Baka.Graph.Execution;

namespace Baka.Cuda.Lowering;

/// <summary>
/// Compiles graphs for one GPU, down to the texts of kernels. It needs no GPU: what a program would take can be told
/// without one.
/// </summary>
internal sealed class CudaCompiler
{
    private readonly DeviceProfile _device;

    public CudaCompiler(DeviceProfile device, Precision precision)
    {
        _device = device;
        Precision = precision;
        var element = precision is Precision.BFloat16 or Precision.BFloat16Pure ? Element.BFloat16 : Element.Float32;
        Variables = new VariablePlacement(element, precision == Precision.BFloat16Pure ? Element.BFloat16 : Element.Float32);
        Weights = new PreparedWeights(element, Variables);
    }

    public Precision Precision { get; }

    /// <summary>The variables of all graphs so far.</summary>
    public VariablePlacement Variables { get; }

    public PreparedWeights Weights { get; }

    /// <param name="groups">Of rows: see <see cref="Baka.Graph.Execution.IDevice.Load"/>.</param>
    public LoweredPlan Compile(TensorGraph graph, int groups)
    {
        var pipeline = _device.IsHopper && Weights.Element == Element.BFloat16 ? Pipeline.Hopper : Pipeline.Gpu;
        var draft = PlanBuilder.Draft(pipeline.Run(graph), Variables, groups, Weights);
        var context = new LoweringContext(_device) { RoundingSeed = draft.Inputs.TryGetValue(InputNames.RoundingSeed, out var seed) ? new View(seed, new Shape(1)) : null };
        var lowering = new StepLowering(context);
        LoweredStep[] steps = [.. draft.Steps.Select(lowering.Lower)];

        // What prepares weights runs before the first step, one after the other.
        var number = 0;
        var preparations = draft.Prepared.ToDictionary(w => w, w => w.Steps.Select(step => lowering.Lower(step, --number)).ToArray());

        // Only now is it known what steps need for themselves.
        var plan = draft.Placed(context.AllScratch);
        return new LoweredPlan(
            plan,
            PlanLowering.Join(steps),
            preparations.ToDictionary(p => p.Key, p => (IReadOnlyList<Operation>)[.. PlanLowering.Join(p.Value).SelectMany(s => s.Operations)]),
            groups);
    }
}
