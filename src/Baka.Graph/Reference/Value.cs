namespace Baka.Graph.Reference;

/// <summary>A dense tensor on the managed heap: f32 or i32 data in row-major order.</summary>
public sealed class Value
{
    public Value(TensorSpec spec)
    {
        Spec = spec;
        var count = checked((int)spec.Shape.Count);
        if (spec.Type == DType.Float32)
        {
            Floats = new float[count];
        }
        else
        {
            Ints = new int[count];
        }
    }

    public TensorSpec Spec { get; }

    public float[] Floats { get; } = [];

    public int[] Ints { get; } = [];
}
