using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Recipes;

namespace Baka.Model.Programs;

/// <summary>
/// Clipping by the global norm and AdamW (arXiv 1711.05101) as part of the graph: decay is decoupled from the
/// gradient and applies to every trained parameter. Where loss or norm are not finite, nothing changes.
/// </summary>
internal sealed class AdamW
{
    private readonly TensorGraph _graph;
    private readonly OptimizerRecipe _recipe;
    private readonly Tensor _learningRate;
    private readonly Tensor _meanCorrection;
    private readonly Tensor _squareCorrection;
    private readonly Tensor _clip;

    public AdamW(TensorGraph graph, OptimizerRecipe recipe)
    {
        (_graph, _recipe) = (graph, recipe);
        _learningRate = graph.Input("learning_rate", DType.Float32, Shape.Scalar);
        _meanCorrection = graph.Input("mean_correction", DType.Float32, Shape.Scalar);
        _squareCorrection = graph.Input("square_correction", DType.Float32, Shape.Scalar);
        _clip = graph.Input("clip", DType.Float32, Shape.Scalar);

        // For devices that keep parameters with few digits and round them by chance.
        graph.Input(InputNames.RoundingSeed, DType.Int32, new Shape(1));
    }

    public static string MeanName(string parameter) => $"adam.m.{parameter}";

    public static string SquareName(string parameter) => $"adam.v.{parameter}";

    /// <summary>Assigns new values to parameters and moments.</summary>
    /// <param name="loss">A scalar; it becomes an output, as do the norm and whether the step is valid.</param>
    /// <param name="gradients">Of the parameters, in their order.</param>
    /// <param name="unit">A scalar that the gradients are to be multiplied by; null = 1.</param>
    /// <returns>1 where loss and gradient norm are finite, else 0.</returns>
    public Tensor Update(Tensor loss, IReadOnlyList<ParameterSpec> parameters, IReadOnlyList<Tensor> gradients, Tensor? unit = null)
    {
        using var scope = _graph.Scope("adamw");
        var norm = Tensor.SumOfSquares(gradients).Sqrt();
        norm = unit is null ? norm : norm * unit;
        var valid = loss.IsFinite() * norm.IsFinite();
        _graph.Output("loss", loss);
        _graph.Output("gradient_norm", norm);
        _graph.Output("valid", valid);

        // min(1, clip / norm)
        var scale = -(-(_clip / (norm + 1e-6f))).Maximum(-1f);
        scale = unit is null ? scale : scale * unit;
        for (var i = 0; i < parameters.Count; i++)
        {
            Update(parameters[i], gradients[i] * scale, valid);
        }

        return valid;
    }

    private void Update(ParameterSpec parameter, Tensor g, Tensor valid)
    {
        var p = parameter.In(_graph);
        var m = _graph.Moment(MeanName(parameter.Name), parameter.Shape);
        var v = _graph.Moment(SquareName(parameter.Name), parameter.Shape);
        var (beta1, beta2) = ((float)_recipe.Beta1, (float)_recipe.Beta2);
        var nextM = m * beta1 + g * (float)(1 - _recipe.Beta1);
        var nextV = v * beta2 + g * g * (float)(1 - _recipe.Beta2);
        var step = nextM * _meanCorrection / ((nextV * _squareCorrection).Sqrt() + (float)_recipe.Epsilon);
        var decayed = p * (1f - _learningRate * (float)_recipe.WeightDecay);
        _graph.Assign(p, valid.Select(decayed - _learningRate * step, p));
        _graph.Assign(m, valid.Select(nextM, m));
        _graph.Assign(v, valid.Select(nextV, v));
    }
}
