namespace Baka.Graph.Reference;

/// <summary>One naive evaluation of a node: dense inputs, dense outputs to fill (zero at first).</summary>
public sealed class Evaluation(Node node, IReadOnlyList<Value> inputs, IReadOnlyList<Value> outputs)
{
    public Node Node { get; } = node;

    public int InputCount => inputs.Count;

    public Value Input(int index) => inputs[index];

    public Value Output(int index) => outputs[index];

    public float[] In(int index) => inputs[index].Floats;

    public int[] IntsIn(int index) => inputs[index].Ints;

    public Shape InShape(int index) => inputs[index].Spec.Shape;

    public float[] Floats(int output) => outputs[output].Floats;

    public int[] Ints(int output) => outputs[output].Ints;

    public Shape OutShape(int output) => outputs[output].Spec.Shape;
}
