namespace Baka.Graph;

public enum DType
{
    Float32,
    Int32,
}

/// <summary>What is known of a tensor before it has a value.</summary>
public sealed record TensorSpec(DType Type, Shape Shape)
{
    public static TensorSpec Float(params ReadOnlySpan<int> extents) => new(DType.Float32, new Shape(extents));

    public override string ToString() => $"{(Type == DType.Float32 ? "f32" : "i32")}{Shape}";
}
