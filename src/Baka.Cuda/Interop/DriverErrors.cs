namespace Baka.Cuda.Interop;

/// <summary>What the driver's error codes mean to a user. The codes are those of CUresult in cuda.h.</summary>
internal static class DriverErrors
{
    public const int OutOfMemory = 2;

    public const string NoGpu = "There is no NVIDIA GPU that the driver can see; check nvidia-smi and CUDA_VISIBLE_DEVICES, or train on the CPU.";

    /// <param name="description">The driver's own words.</param>
    public static string Sentence(int result, string call, string description) => result switch
    {
        OutOfMemory => $"The GPU has not enough free memory for {call}; make the batch smaller or end other programs that use it.",
        34 => "Only a stub of the NVIDIA driver was found; install the driver, or take the toolkit's stubs out of the loader's path.",
        3 or 35 or 36 or 803 or 804 => $"The NVIDIA driver does not fit this system or is too old: {description}; update it.",
        46 => $"The GPU is taken or out of order: {description}.",
        100 or 101 => NoGpu,
        200 or 209 or 218 or 222 => $"The NVIDIA driver can't load a compiled kernel ({description}); update the driver, or use libraries of its CUDA version.",
        214 or 220 or 802 => $"The GPU or its connection is faulty: {description}.",
        700 or 701 or 702 or 710 or 714 or 715 or 716 or 717 or 718 or 719 => $"A kernel failed ({description}, seen by {call}); that is a bug of BakaLLM.",
        >= 900 and <= 908 => $"Recording a program for the GPU failed ({description} in {call}); that is a bug of BakaLLM.",
        _ => $"The GPU's driver refused {call}: {description}.",
    };
}
