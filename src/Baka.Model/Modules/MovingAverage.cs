using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>
/// Multi-dimensional damped exponential moving average (Mega, arXiv 2209.10655, equations 2 and 3): every channel has n
/// states h_t = α ⊙ β x_t + (1 − α ⊙ δ) ⊙ h_{t−1}, of which ηᵀ h_t is read, with α and δ in (0, 1).
/// </summary>
/// <remarks>α and β scale a state for good, so they are applied when it is read: what is carried is h / (α ⊙ β).</remarks>
internal sealed class MovingAverage : Module
{
    private const float UsualDeviation = 0.2f;

    private readonly ParameterSpec _alpha;
    private readonly ParameterSpec _delta;
    private readonly ParameterSpec _beta;
    private readonly ParameterSpec _eta;
    private readonly Recurrence _recurrence;

    public MovingAverage(string name, int states, int channels)
        : base(name)
    {
        var shape = new Shape(states, channels);
        _alpha = Learn("alpha", shape, Initialization.Normal(UsualDeviation));
        _delta = Learn("delta", shape, Initialization.Normal(UsualDeviation));
        _beta = Learn("beta", shape, Initialization.Constant(1));
        _eta = Learn("eta", shape, Initialization.Normal(1 / MathF.Sqrt(states)));
        _recurrence = Part(new Recurrence(name, states, channels));
    }

    /// <summary>x [N, c] → [N, c].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        var graph = pass.Graph;
        using var scope = Scope(graph);
        var (alpha, delta) = (_alpha.In(graph).Sigmoid(), _delta.In(graph).Sigmoid());
        return _recurrence.Apply(pass, x, 1f - alpha * delta, _eta.In(graph) * alpha * _beta.In(graph));
    }
}
