using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>y_t = bias + Σ_j w_j ⊙ x_{t−n+1+j} over the slots of a document, every channel by itself; inputs before its beginning are 0.</summary>
internal sealed class CausalConvolution : Module
{
    private readonly int _width;
    private readonly ParameterSpec _weight;
    private readonly ParameterSpec _bias;
    private readonly RunningState? _tail;

    public CausalConvolution(string name, int width, int channels)
        : base(name)
    {
        _width = width;
        _weight = Learn("weight", new Shape(width, channels), Initialization.Linear(width));
        _bias = Learn("bias", new Shape(channels), Initialization.Linear(width));
        _tail = width == 1 ? null : Part(new RunningState(name, "tail", width - 1, channels));
    }

    /// <summary>x [N, c] → [N, c].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var slots = pass.ByRow(x);
        var stream = slots;
        if (_tail is not null)
        {
            stream = Tensor.Concat(1, _tail[pass], slots);
            _tail[pass] = stream.Slice(1, slots.Shape[1], _width - 1);
        }

        var y = _bias.In(pass.Graph);
        for (var j = 0; j < _width; j++)
        {
            var places = _width - 1 - j;
            var input = stream.Slice(1, j, slots.Shape[1]);
            var existing = places == 0 ? input : pass.Lacks(places).Reshape(slots.Shape[0], slots.Shape[1], 1).Select(0f, input);
            y = existing * _weight.In(pass.Graph).Slice(0, j, 1) + y;
        }

        return y.Reshape(x.Shape);
    }
}
