using Baka.Graph.Execution;
using Baka.Model.Recipes;

namespace Baka.Verification;

/// <summary>A device to verify.</summary>
/// <param name="Open">Makes one with no variables; each check has its own.</param>
public sealed record Target(Func<IDevice> Open, Precision Precision);
