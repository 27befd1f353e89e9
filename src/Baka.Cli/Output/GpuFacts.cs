using Baka.Cli.Options;
using Baka.Cuda.Interop;

namespace Baka.Cli.Output;

/// <summary>What a machine has for training on a GPU, as a table of facts.</summary>
internal static class GpuFacts
{
    public static IEnumerable<(string Name, string Value)> Of(CudaSurvey survey) =>
    [
        .. survey.Gpus.Select((gpu, i) => (i == 0 ? "GPU" : "", $"{gpu.Name}, {ByteSize.Format(gpu.MemoryBytes)}, compute capability {gpu.Capability}")),
        .. Libraries(survey.Libraries),
        ("--device cuda", survey.Problem ?? "can be used; 'baka selftest --device cuda' tells whether it computes what it should"),
    ];

    private static IEnumerable<(string Name, string Value)> Libraries(IReadOnlyList<LibrarySurvey> libraries)
    {
        string[] told = [];
        foreach (var library in libraries)
        {
            if (library.Path is not null)
            {
                yield return (library.Name, $"{library.Version ?? "not usable"}: {library.Path}");
                continue;
            }

            var isTold = told.SequenceEqual(library.Looked);
            yield return (library.Name, isTold ? "not found in the same places" : "not found in");
            told = [.. library.Looked];
            foreach (var place in isTold ? [] : told)
                yield return ("", $"  {place}");
        }
    }
}
