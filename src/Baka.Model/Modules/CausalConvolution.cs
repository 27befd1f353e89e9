using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>y_t = SiLU(bias + Σ_j w_j ⊙ x_{t−k+1+j}) over the slots of a document, every channel by itself; inputs before its beginning are 0.</summary>
internal sealed class CausalConvolution : Module
{
    private readonly ParameterSpec _weight;
    private readonly ParameterSpec _bias;
    private readonly RunningState _tail;

    public CausalConvolution(string name, int width, int channels)
        : base(name)
    {
        _weight = Learn("weight", new Shape(width, channels), Initialization.Linear(width));
        _bias = Learn("bias", new Shape(channels), Initialization.Linear(width));
        _tail = Part(new RunningState(name, "tail", width - 1, channels));
    }

    /// <summary>x [N, c] → [N, c].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        var graph = pass.Graph;
        using var scope = Scope(graph);
        var result = graph.AddNode(new DepthwiseConvolution(), [pass.ByRow(x), pass.Begins, _tail[pass], _weight.In(graph), _bias.In(graph)]);
        _tail[pass] = result.Outputs[1];
        return result.Outputs[0].Reshape(x.Shape);
    }
}
