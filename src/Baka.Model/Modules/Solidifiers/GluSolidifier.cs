using Baka.Graph;

namespace Baka.Model.Modules.Solidifiers;

/// <summary>x + (A x) ⊙ fn(B x).</summary>
internal sealed class GluSolidifier : SolidifierMap
{
    private readonly Linear _a;
    private readonly Linear _b;
    private readonly Func<Tensor, Tensor> _fn;

    public GluSolidifier(int width, Func<Tensor, Tensor> fn)
    {
        _fn = fn;
        _a = Part(new Linear(Path("a"), width, width));
        _b = Part(new Linear(Path("b"), width, width));
    }

    protected override Tensor Map(Tensor x) => x + _a.Apply(x) * _fn(_b.Apply(x));
}
