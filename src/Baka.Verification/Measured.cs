namespace Baka.Verification;

/// <summary>Something that a device has computed.</summary>
/// <param name="IsWide">Kept as f32 in every precision, as parameters and moments are.</param>
internal sealed record Measured(string Name, float[] Values, bool IsWide = false);
