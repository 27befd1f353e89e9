using Baka.Cuda.Interop;

namespace Baka.Cuda.Products;

/// <summary>Runs a candidate for a product; returns false where cuBLASLt refuses it.</summary>
internal delegate bool CandidateRun(int candidate, ulong a, ulong b, ulong d);

/// <summary>Measures algorithms for a product as training uses them: recorded, on memory of the real size and alignment.</summary>
internal sealed class ProductTimer(CudaContext context, CudaStream stream)
{
    private const int Rounds = 3;
    private const float RoundMilliseconds = 0.5f;
    private const int MostRepetitions = 20;

    private readonly RandomOperands _random = new(stream);

    /// <summary>Bytes of scratch memory that measuring needs.</summary>
    public static long ScratchBytes(ProductShape shape) => Room(shape.A) + Room(shape.B) + Room(shape.D);

    /// <summary>Milliseconds of each candidate, the least of some rounds; infinite where it is refused.</summary>
    /// <param name="scratch">Address of <see cref="ScratchBytes"/> at a multiple of 256; their content is lost.</param>
    public float[] Measure(ProductShape shape, int candidates, ulong scratch, CandidateRun run)
    {
        var a = Fill(shape.A, scratch);
        var b = Fill(shape.B, scratch + (ulong)Room(shape.A));
        var d = Fill(shape.D, scratch + (ulong)(Room(shape.A) + Room(shape.B)));
        using var start = new CudaEvent(context);
        using var end = new CudaEvent(context);
        var best = new float[candidates];
        var programs = new Program?[candidates];
        try
        {
            for (var i = 0; i < candidates; i++)
            {
                // The first run loads the kernel, the second tells how often to repeat it.
                best[i] = run(i, a, b, d) ? Time(() => run(i, a, b, d)) : float.PositiveInfinity;
                programs[i] = float.IsFinite(best[i]) ? Record(best[i], () => run(i, a, b, d)) : null;
            }

            for (var round = 0; round < Rounds; round++)
            {
                for (var i = 0; i < candidates; i++)
                {
                    if (programs[i] is { } program)
                    {
                        best[i] = Math.Min(best[i], Time(() => program.Graph.Launch(stream)) / program.Repetitions);
                    }
                }
            }
        }
        finally
        {
            foreach (var program in programs)
            {
                program?.Graph.Dispose();
            }
        }

        return best;

        float Time(Action work)
        {
            start.Record(stream);
            work();
            end.Record(stream);
            end.Synchronize();
            return end.MillisecondsSince(start);
        }
    }

    private static long Room(Operand operand) => Padded(operand.Alignment % Operand.BaseAlignment + operand.Bytes);

    private static long Padded(long bytes) => (bytes + Operand.BaseAlignment - 1) / Operand.BaseAlignment * Operand.BaseAlignment;

    private Program Record(float milliseconds, Func<bool> run)
    {
        var repetitions = Math.Clamp((int)(RoundMilliseconds / milliseconds), 1, MostRepetitions);
        var graph = stream.Capture(() =>
        {
            for (var i = 0; i < repetitions; i++)
            {
                run();
            }
        });
        graph.Upload(stream);
        return new Program(graph, repetitions);
    }

    /// <summary>Returns the address of the first element.</summary>
    private ulong Fill(Operand operand, ulong room)
    {
        var address = room + (ulong)(operand.Alignment % Operand.BaseAlignment);
        _random.Fill(operand.Type, address, operand.Bytes);
        return address;
    }

    private sealed record Program(ExecutableGraph Graph, int Repetitions);
}
