using Baka.Graph;
using Baka.Model.Modules;

namespace Baka.Model.Passes;

/// <summary>
/// What is handed from window to window in a graph. A module's state begins as a device variable and is replaced by
/// what the module makes of it, so that gradients flow through every window of a step but not into the step before.
/// </summary>
/// <param name="prefix">Of the variables' names, such as <c>carry</c>.</param>
internal sealed class CarryState(TensorGraph graph, string prefix, int rows)
{
    private readonly Dictionary<string, (Tensor Variable, Tensor Value)> _states = [];

    /// <summary>[rows, ..].</summary>
    public Tensor this[Carried carried]
    {
        get => Find(carried).Value;
        set => _states[carried.Name] = (Find(carried).Variable, value);
    }

    /// <summary>Keeps the values for the next evaluation.</summary>
    /// <param name="valid">A scalar: where it is 0 everything stays as it was.</param>
    public void Store(Tensor? valid = null)
    {
        foreach (var (variable, value) in _states.Values)
        {
            if (value != variable)
            {
                graph.Assign(variable, valid is null ? value : valid.Select(value, variable));
            }
        }
    }

    private (Tensor Variable, Tensor Value) Find(Carried carried)
    {
        if (_states.TryGetValue(carried.Name, out var state))
        {
            return state;
        }

        var variable = graph.Carry($"{prefix}.{carried.Name}", carried.For(rows));
        return _states[carried.Name] = (variable, variable);
    }
}
