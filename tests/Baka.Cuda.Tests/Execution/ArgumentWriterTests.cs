using Baka.Compiler.Plans;
using Baka.Cuda.Execution;
using Baka.Cuda.Lowering;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Execution;

public sealed unsafe class ArgumentWriterTests
{
    [Fact]
    public void Members_of_a_struct_lie_one_after_the_other()
    {
        var (x, y) = (Dense(Element.BFloat16, 8), Dense(Element.Float32, 8));
        Argument[] arguments = [new Argument.Int(7), new Argument.Struct([x, y, new Argument.Float(1.5f)]), new Argument.Long(-1)];
        var room = stackalloc byte[ArgumentWriter.Room(arguments)];
        var end = room;
        var writer = new ArgumentWriter(null!);
        ulong Address(View view) => view == x ? 0x1234u : 0x5678u;

        Assert.Equal(7, *(int*)writer.Write(arguments[0], ref end, Address));
        var members = (ulong*)writer.Write(arguments[1], ref end, Address);
        Assert.Equal((0x1234u, 0x5678u, 1.5f), (members[0], members[1], *(float*)(members + 2)));
        Assert.Equal(-1, *(long*)writer.Write(arguments[2], ref end, Address));
        Assert.InRange(end - room, 1, ArgumentWriter.Room(arguments));
    }
}
