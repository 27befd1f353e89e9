using Baka.Graph;

namespace Baka.Compiler.Passes;

/// <summary>One rewriting of a graph into an equivalent one.</summary>
public interface IPass
{
    TensorGraph Run(TensorGraph graph);
}
