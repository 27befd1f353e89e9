using Baka.Graph;

namespace Baka.Model;

/// <summary>A learned tensor of the model.</summary>
/// <param name="Name">As in checkpoints, such as <c>layers.0.attn.q.weight</c>.</param>
/// <param name="Initial">How its first value is drawn.</param>
public sealed record ParameterSpec(string Name, Shape Shape, Initialization Initial)
{
    internal Tensor In(TensorGraph graph) => graph.Parameter(Name, Shape);
}

public enum InitializationKind
{
    /// <summary>Every element is <see cref="Initialization.Value"/>.</summary>
    Constant,

    /// <summary>Independent draws from N(0, <see cref="Initialization.Value"/>²).</summary>
    Normal,

    /// <summary>log(i + 1) for all elements of row i.</summary>
    LogOfRow,

    /// <summary>x with log(1 + eˣ) between a hundredth of <see cref="Initialization.Value"/> and the whole, its logarithm drawn uniformly.</summary>
    StepSize,
}

/// <summary>How a parameter begins.</summary>
/// <param name="Value">The constant, the standard deviation, or the largest step.</param>
public sealed record Initialization(InitializationKind Kind, float Value)
{
    public static Initialization Constant(float value) => new(InitializationKind.Constant, value);

    public static Initialization Normal(float deviation) => new(InitializationKind.Normal, deviation);

    public static Initialization LogOfRow() => new(InitializationKind.LogOfRow, 0);

    public static Initialization StepSize(float largest) => new(InitializationKind.StepSize, largest);

    /// <summary>That of a linear map: standard deviation 1/√(3·fanIn).</summary>
    public static Initialization Linear(int fanIn) => Normal(1 / MathF.Sqrt(3f * fanIn));
}
