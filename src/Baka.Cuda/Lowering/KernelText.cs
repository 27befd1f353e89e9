using System.Text;

namespace Baka.Cuda.Lowering;

/// <summary>Helps to write kernels.</summary>
internal static class KernelText
{
    public static void AppendLines(this StringBuilder text, string indentation, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            text.Append(indentation).Append(line).Append('\n');
        }
    }
}
