using Baka.Graph;

namespace Baka.Model;

/// <summary>A state variable of a window program: what every row remembers from one step to the next.</summary>
/// <param name="Name">Name of the variable on the device, such as <c>carry.layers.0.attn.keys</c>.</param>
/// <param name="Shape">Rows first.</param>
public sealed record CarrySpec(string Name, Shape Shape);
