using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Execution;

/// <summary>Writes kernels' arguments as they lie in memory.</summary>
internal sealed unsafe class ArgumentWriter(Driver driver)
{
    /// <summary>Columns of a box: a row of it is as long as a swizzle.</summary>
    private const uint BoxColumns = 64;

    /// <summary>Bytes that are enough for all, wherever they begin.</summary>
    public static int Room(IEnumerable<Argument> arguments) => arguments.Sum(a => Size(a) + Alignment(a));

    /// <summary>Returns where the argument begins.</summary>
    /// <param name="end">Of what is written so far.</param>
    /// <param name="address">Of a view's first element.</param>
    /// <exception cref="CudaException">The driver can't describe a matrix so.</exception>
    public void* Write(Argument argument, ref byte* end, Func<View, ulong> address)
    {
        var place = Aligned(end, Alignment(argument));
        end = place + Size(argument);
        switch (argument)
        {
            case Argument.Pointer pointer:
                *(ulong*)place = address(pointer.View);
                break;
            case Argument.Int number:
                *(int*)place = number.Value;
                break;
            case Argument.Long number:
                *(long*)place = number.Value;
                break;
            case Argument.Float number:
                *(float*)place = number.Value;
                break;
            case Argument.Map map:
                Encode(map, place, address(map.Matrix));
                break;
            case Argument.Struct whole:
                var member = place;
                foreach (var part in whole.Members)
                {
                    Write(part, ref member, address);
                }

                break;
            default:
                throw new NotSupportedException($"A kernel cannot be given {argument}.");
        }

        return place;
    }

    private static byte* Aligned(byte* place, int alignment) => (byte*)(((nuint)place + (nuint)alignment - 1) / (nuint)alignment * (nuint)alignment);

    private static int Size(Argument argument) => argument switch
    {
        Argument.Struct whole => Room(whole.Members),
        Argument.Map => TensorMap.Bytes,
        _ => sizeof(ulong),
    };

    private static int Alignment(Argument argument) => argument switch
    {
        Argument.Struct whole => whole.Members.Max(Alignment),
        _ => Size(argument),
    };

    private void Encode(Argument.Map map, void* place, ulong address)
    {
        var extents = stackalloc ulong[] { (ulong)map.Matrix.Shape[1], (ulong)map.Matrix.Shape[0] };
        var rowBytes = (ulong)(map.Matrix.Strides[0] * map.Matrix.Storage.Type.Bytes);
        var box = stackalloc uint[] { BoxColumns, (uint)map.BoxRows };
        var every = stackalloc uint[] { 1, 1 };
        driver.Check(
            driver.TensorMapEncodeTiled(
                place, TensorMap.BFloat16, 2, address, extents, &rowBytes, box, every,
                TensorMap.NotInterleaved, TensorMap.Swizzle128, TensorMap.Promote128, TensorMap.FillWithZeros),
            "cuTensorMapEncodeTiled");
    }
}
