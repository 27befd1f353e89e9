using Baka.Graph.Reference;

namespace Baka.Graph;

/// <summary>
/// An operation: a rule for the shapes of its results, a rule for its gradient written with other operations,
/// and a naive evaluation that every kernel is tested against. Ops are records: two equal ops on the same
/// inputs compute the same thing.
/// </summary>
public abstract record Op
{
    /// <summary>Name in listings and messages.</summary>
    public virtual string Kind => GetType().Name;

    /// <summary>Whether repeated application to the same inputs gives the same result (leaves do not: they are unique).</summary>
    public virtual bool IsPure => true;

    /// <summary>The results' specs, or a <see cref="GraphException"/> that says why the inputs do not fit.</summary>
    public abstract IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs);

    /// <summary>
    /// Gradients of the loss with respect to each input, given those with respect to the outputs.
    /// <c>null</c> means that no gradient flows.
    /// </summary>
    public virtual IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        throw new GraphException($"{context.Node}: {Kind} has no gradient rule, but a gradient has to pass through it");

    /// <summary>Naive reference evaluation into freshly allocated dense outputs.</summary>
    public abstract void Evaluate(Evaluation evaluation);

    /// <summary>Floating-point operations of one application, for plans and benchmarks (a multiply-add counts as two).</summary>
    public virtual long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => outputs.Sum(o => o.Shape.Count);

    protected static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new GraphException(message);
        }
    }
}

/// <summary>What a gradient rule sees.</summary>
/// <param name="Node">The node to differentiate.</param>
/// <param name="OutputGradients">Gradient of the loss with respect to each output; <c>null</c> where none flows.</param>
/// <param name="Needed">Which inputs a gradient is wanted for.</param>
public sealed record GradientContext(Node Node, IReadOnlyList<Tensor?> OutputGradients, IReadOnlyList<bool> Needed)
{
    public Tensor Input(int index) => Node.Inputs[index];

    public Tensor Output(int index = 0) => Node.Outputs[index];

    /// <summary>The gradient with respect to the only differentiable output.</summary>
    public Tensor Upstream => OutputGradients[0] ?? throw new GraphException($"{Node}: its gradient was asked for through an output that has none");
}
