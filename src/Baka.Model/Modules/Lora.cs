using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>
/// B A x, what a map of low rank adds to another (LoRA, arXiv 2106.09685, with α = r): A [r, inputs], B [outputs, r],
/// which begins as zero, so that at first nothing is added.
/// </summary>
internal sealed class Lora : Module
{
    private readonly Linear _a;
    private readonly Linear _b;

    public Lora(string name, int inputs, int outputs, int rank)
        : base(name)
    {
        _a = Part(new Linear(Path("a"), inputs, rank));
        _b = Part(new Linear(Path("b"), rank, outputs, scale: 0));
    }

    /// <summary>x [.., inputs] → [.., outputs].</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = Scope(x.Node.Graph);
        return _b.Apply(_a.Apply(x));
    }
}
