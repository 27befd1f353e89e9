using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>
/// Decides which values of a graph are kept in bf16: those that rows pass from layer to layer and their gradients.
/// Statistics, losses, and all that parameters are changed by stay f32.
/// </summary>
internal sealed class ElementChoice
{
    private readonly HashSet<Tensor> _narrow = [];

    private ElementChoice()
    {
    }

    /// <summary>Every value as it is defined.</summary>
    public static ElementChoice Exact { get; } = new();

    public static ElementChoice Mixed(TensorGraph graph)
    {
        var choice = new ElementChoice();
        var wide = Wide(graph);
        foreach (var tensor in graph.Nodes.SelectMany(n => n.Outputs).Where(t => t.Type == DType.Float32 && !wide.Contains(t)))
        {
            if (choice.IsActivation(tensor))
            {
                choice._narrow.Add(tensor);
            }
        }

        return choice;
    }

    public Element Of(Tensor tensor) => _narrow.Contains(tensor) ? Element.BFloat16 : Elements.Exact(tensor.Type);

    private bool IsActivation(Tensor tensor)
    {
        var node = tensor.Node;
        return node.Op switch
        {
            Variable variable => variable.VariableKind == VariableKind.Carry,
            Leaf or Constant or IntConstant or Sum or SumOfSquares or ConvertToFloat or LinearCrossEntropy => false,
            Norm or NormBackward or NormBackwardAdd or NarrowingNormBackward or Attention => tensor.Index == 0,
            WideningNorm => tensor.Index is 0 or WideningNorm.Widened,
            LinearCrossEntropyGradient op => tensor.Index == op.InputAt,
            LinearCrossEntropyGradientAdd op => tensor.Index == op.Computed.InputAt,
            Scan => tensor.Index == 0,
            ScanBackward => tensor.Index != 1,
            FusedElementwise => node.Inputs.Any(i => i.BehindReshapes().Node.Op is not Broadcast && _narrow.Contains(i)),
            Reshape or Slice or Permute or Broadcast or Concat or Pad or ReplaceRows => node.Inputs.Any(_narrow.Contains),
            _ => true,
        };
    }

    /// <summary>Outputs of the function, and what parameters and their moments are made of, back to the kernels that reduce over rows.</summary>
    private static HashSet<Tensor> Wide(TensorGraph graph)
    {
        var wide = new HashSet<Tensor>();
        foreach (var output in graph.Outputs.Values)
        {
            Mark(output, wide, throughElementwise: false);
        }

        foreach (var (name, value) in graph.Assignments)
        {
            if (((Variable)graph.Variables[name].Node.Op).VariableKind != VariableKind.Carry)
            {
                Mark(value, wide, throughElementwise: true);
            }
        }

        foreach (var gradient in graph.Nodes.Where(n => n.Op is SumOfSquares).SelectMany(n => n.Inputs))
        {
            Mark(gradient, wide, throughElementwise: true);
        }

        return wide;
    }

    private static void Mark(Tensor tensor, HashSet<Tensor> wide, bool throughElementwise)
    {
        var stack = new Stack<Tensor>([tensor]);
        while (stack.TryPop(out var current))
        {
            if (!wide.Add(current) && throughElementwise)
            {
                continue;
            }

            var passes = current.Node.Op switch
            {
                Reshape or Slice or Permute or Broadcast or Concat or Pad => true,
                FusedElementwise => throughElementwise,
                _ => false,
            };
            var sources = passes ? current.Node.Inputs : current.Node.Op is AddingOp adding && current.Index == adding.Sum ? [current.Node.Inputs[adding.Addend]] : [];
            foreach (var source in sources)
            {
                stack.Push(source);
            }
        }
    }
}
