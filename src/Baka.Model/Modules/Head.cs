using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>logits = Norm_out(x) Vᵀ, where V may be E itself.</summary>
internal sealed class Head : Module
{
    private readonly Norm _norm;
    private readonly ParameterSpec _table;

    /// <param name="recipe">As the last layer sees it.</param>
    public Head(ModelRecipe recipe, ParameterSpec embedding)
        : base("")
    {
        _norm = Part(new Norm("norm_out", recipe.Norm.Kind, recipe.Dim));
        _table = recipe.Tie ? embedding : Learn("lm_head.weight", new Shape(recipe.Vocabulary, recipe.Dim), Initialization.Linear(recipe.Dim));
    }

    protected override string LocalName => "lm_head";

    /// <summary>
    /// How well targets i32 [n], −1 = not predicted, are predicted from x [n, d]: negative log-likelihoods (nats) [n], and
    /// [n] with 1 where the target has the largest logit.
    /// </summary>
    public (Tensor Nll, Tensor Correct) Score(Tensor x, Tensor targets)
    {
        var normed = _norm.Apply(x);
        using var scope = Scope(x.Node.Graph);
        var node = x.Node.Graph.AddNode(new LinearCrossEntropy(), [normed, _table.In(x.Node.Graph), targets]);
        return (node.Outputs[0], node.Outputs[1]);
    }

    /// <summary>x [n, d] → [n, V].</summary>
    public Tensor Logits(Tensor x)
    {
        var normed = _norm.Apply(x);
        using var scope = Scope(x.Node.Graph);
        return normed.Linear(_table.In(x.Node.Graph));
    }
}
