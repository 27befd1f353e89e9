using System.Collections.Immutable;
using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Fusion;

public enum OperandKind
{
    /// <summary>An input of the fused op.</summary>
    Input,

    /// <summary>The result of an earlier instruction.</summary>
    Register,

    /// <summary>A number known now.</summary>
    Immediate,
}

/// <summary>What an instruction works on.</summary>
public readonly record struct Operand(OperandKind Kind, int Index, float Value)
{
    public static Operand Input(int index) => new(OperandKind.Input, index, 0);

    public static Operand Register(int index) => new(OperandKind.Register, index, 0);

    public static Operand Immediate(float value) => new(OperandKind.Immediate, 0, value);
}

/// <summary>One elementwise op inside a fused one; its result is the register with its own index.</summary>
public sealed record Instruction(Elementwise Op, ImmutableArray<Operand> Operands);

/// <summary>
/// Several elementwise ops as one: for every element, a straight-line program over the inputs' elements, of which
/// some results are stored. All inputs and outputs have the same number of elements, which correspond in row-major
/// order whatever the shapes are.
/// </summary>
public sealed record FusedElementwise(
    ImmutableArray<Instruction> Program,
    ImmutableArray<int> Results,
    ImmutableArray<Shape> Shapes) : Op
{
    public override string Kind => $"Fused({string.Join(" ", Program.Select(i => i.Op.Kind))})";

    // Two groups never hold the same nodes, so there is nothing to share and no need to compare programs.
    public override bool IsPure => false;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        foreach (var input in inputs)
        {
            Require(input.Type == DType.Float32 && input.Shape.Count == Shapes[0].Count, $"{input} has not {Shapes[0].Count} f32 elements");
        }

        return [.. Shapes.Select(s => new TensorSpec(DType.Float32, s))];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Program.Length * outputs[0].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        var spec = new TensorSpec(DType.Float32, new Shape((int)Shapes[0].Count));
        var registers = new List<Value>();
        foreach (var instruction in Program)
        {
            Value[] operands = [.. instruction.Operands.Select(operand => Fetch(evaluation, registers, operand, spec))];
            var result = new Value(spec);
            instruction.Op.Evaluate(new Evaluation(evaluation.Node, operands, [result]));
            registers.Add(result);
        }

        for (var i = 0; i < Results.Length; i++)
        {
            registers[Results[i]].Floats.CopyTo(evaluation.Floats(i), 0);
        }
    }

    private static Value Fetch(Evaluation evaluation, List<Value> registers, Operand operand, TensorSpec spec)
    {
        switch (operand.Kind)
        {
            case OperandKind.Input:
                return evaluation.Input(operand.Index);
            case OperandKind.Register:
                return registers[operand.Index];
            default:
                var value = new Value(spec);
                Array.Fill(value.Floats, operand.Value);
                return value;
        }
    }
}
