using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>κ ⊙ x + μ, one of several views of a shared representation.</summary>
internal sealed class ScaleAndShift : Module
{
    private const float UsualScale = 0.02f;

    private readonly ParameterSpec _scale;
    private readonly ParameterSpec _shift;

    public ScaleAndShift(string name, int width)
        : base(name)
    {
        _scale = Learn("scale", new Shape(width), Initialization.Normal(UsualScale));
        _shift = Learn("shift", new Shape(width), Initialization.Constant(0));
    }

    /// <summary>x [.., width] → the same shape.</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = Scope(x.Node.Graph);
        return x * _scale.In(x.Node.Graph) + _shift.In(x.Node.Graph);
    }
}
