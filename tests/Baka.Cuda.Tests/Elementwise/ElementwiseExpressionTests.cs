using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Elementwise;

public sealed class ElementwiseExpressionTests
{
    public static TheoryData<UnaryFunction> UnaryFunctions => [.. Enum.GetValues<UnaryFunction>()];

    public static TheoryData<BinaryFunction> BinaryFunctions => [.. Enum.GetValues<BinaryFunction>()];

    [Theory]
    [MemberData(nameof(UnaryFunctions))]
    public void Every_function_of_one_operand_has_an_expression(UnaryFunction function) =>
        AssertKnown(ElementwiseExpression.Of(new Unary(function), "a0"), "a0");

    [Theory]
    [MemberData(nameof(BinaryFunctions))]
    public void Every_function_of_two_operands_has_an_expression(BinaryFunction function) =>
        AssertKnown(ElementwiseExpression.Of(new Binary(function), "a0", "r1"), "a0", "r1");

    [Fact]
    public void A_choice_takes_its_first_value_where_the_condition_is_not_0() =>
        Assert.Equal("a0 != 0.0f ? a1 : a2", ElementwiseExpression.Of(new Select(), "a0", "a1", "a2"));

    [Theory]
    [InlineData(1f, "1.0f")]
    [InlineData(-1f, "(-1.0f)")]
    [InlineData(-0f, "(-0.0f)")]
    [InlineData(0.1f, "0.1f")]
    [InlineData(1e-8f, "1e-08f")]
    [InlineData(float.MaxValue, "3.4028235e+38f")]
    [InlineData(16777216f, "16777216.0f")]
    [InlineData(float.NegativeInfinity, "__int_as_float(0xff800000)")]
    public void Numbers_are_written_exactly(float value, string expected) => Assert.Equal(expected, ElementwiseExpression.Number(value));

    /// <summary>The operands occur, and a function that is called is one of the toolkit's or of the source file.</summary>
    private static void AssertKnown(string expression, params string[] operands)
    {
        Assert.All(operands, operand => Assert.Contains(operand, expression, StringComparison.Ordinal));
        var call = expression.IndexOf('(', StringComparison.Ordinal);
        if (call > 0 && expression[..call] is var name and not ("sqrtf" or "fabsf" or "erff"))
        {
            Assert.Contains($"float {name}(float x", SourceFiles.Read("ElementwiseFunctions.cuh"), StringComparison.Ordinal);
        }
    }
}
