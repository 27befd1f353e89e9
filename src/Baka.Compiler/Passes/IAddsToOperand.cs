namespace Baka.Compiler.Passes;

/// <summary>An op that adds to one of its operands. In a plan the result takes the operand's place where nobody else reads that.</summary>
public interface IAddsToOperand
{
    /// <summary>Which input is added to.</summary>
    int Addend { get; }

    /// <summary>Which output is the sum.</summary>
    int Sum { get; }
}
