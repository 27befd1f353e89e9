using System.Collections.Immutable;
using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Elementwise;

public sealed class StochasticRoundingTests
{
    private static readonly Shape Shape = new(64, 32);

    private static readonly View Seed = new(new Storage(StorageKind.Input, "rounding_seed", Element.Int32, 1), new Shape(1));

    [Fact]
    public void Variables_that_are_trained_in_bf16_are_rounded_by_chance()
    {
        var source = Lower(Variable("w", Element.BFloat16, isTrained: true), Seed).Kernel.Source;
        Assert.Contains("z0[e] = round_by_chance(r0, *seed, salt + 0u, place);", source);
        Assert.Contains("const u32 place = (u32)(vector * 8 + e);", source);
    }

    [Theory]
    [InlineData(Element.Float32, true)]
    [InlineData(Element.BFloat16, false)]
    public void Nothing_else_is(Element element, bool isTrained) =>
        Assert.DoesNotContain("round_by_chance", Lower(Variable("w", element, isTrained), Seed).Kernel.Source);

    [Fact]
    public void Without_an_update_values_are_rounded_to_nearest() =>
        Assert.DoesNotContain("round_by_chance", Lower(Variable("w", Element.BFloat16, isTrained: true), null).Kernel.Source);

    [Fact]
    public void Variables_share_the_kernel_but_not_the_chances()
    {
        var (a, b) = (Lower(Variable("a", Element.BFloat16, true), Seed), Lower(Variable("b", Element.BFloat16, true), Seed));
        Assert.Equal(a.Kernel, b.Kernel);
        Assert.NotEqual(a.Arguments[^2], b.Arguments[^2]);
        Assert.Equal(a.Arguments[^2], Lower(Variable("a", Element.BFloat16, true), Seed).Arguments[^2]);
    }

    [Fact]
    public void A_copy_of_a_variable_holds_the_same_bits()
    {
        var (variable, copy) = (Variable("w", Element.BFloat16, true), new View(new Storage(StorageKind.Prepared, "w", Element.BFloat16, Shape.Count), Shape));
        Assert.Contains(
            """
                    z0[e] = round_by_chance(r0, *seed, salt + 0u, place);
                    z1[e] = round_by_chance(r0, *seed, salt + 0u, place);
            """,
            Lower(variable, Seed, copy).Kernel.Source);
    }

    private static View Variable(string name, Element element, bool isTrained) =>
        new(new Storage(StorageKind.Variable, name, element, Shape.Count) { IsTrained = isTrained }, Shape);

    private static Launch Lower(View output, View? seed, params View[] copies)
    {
        var program = ImmutableArray.Create(new Instruction(new Binary(BinaryFunction.Add), [Operand.Input(0), Operand.Input(1)]));
        var op = new FusedElementwise(program, [0, .. copies.Select(_ => 0)], [Shape, .. copies.Select(_ => Shape)]);
        var gradient = new View(new Storage(StorageKind.Arena, "gradient", Element.Float32, Shape.Count), Shape);
        var context = new LoweringContext(DeviceProfile.H100) { RoundingSeed = seed };
        return (Launch)ElementwiseLowering.Lower(op, new Step(op, "adamw", [output, gradient], [output, .. copies]), context).Single();
    }
}
