using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Puts the texts of attention kernels together.</summary>
internal static class AttentionSources
{
    /// <summary>A kernel from files one after the other, the last of which holds the function.</summary>
    public static Kernel Kernel(string name, IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files) =>
        Lowering.Kernel.FromFiles(name, defines, ["AttentionShape.cu", .. files]);

    /// <summary>The log-sum-exp [B, h, W·S] as an operand of kernels.</summary>
    public static IEnumerable<(string Name, object Value)> LogSumExp(View view) =>
        [("LSE_TYPE", view.Storage.Type), ("LSE_BATCH", view.Strides[0]), ("LSE_HEAD", view.Strides[1])];
}
