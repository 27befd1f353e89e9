namespace Baka.Training.Checkpoints;

/// <summary>The element types of safetensors files that are understood, named as the format names them.</summary>
public enum TensorType
{
    F32,
    I32,
    F16,
    BF16,
    I64,
}

internal static class TensorTypes
{
    /// <summary>Bytes of an element.</summary>
    public static int Size(this TensorType type) => type switch
    {
        TensorType.F16 or TensorType.BF16 => 2,
        TensorType.I64 => 8,
        _ => 4,
    };
}
