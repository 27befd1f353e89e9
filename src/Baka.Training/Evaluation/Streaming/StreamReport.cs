namespace Baka.Training.Evaluation.Streaming;

/// <summary>What was measured at one of the places, all about as far apart, where a stream was looked at.</summary>
/// <param name="Position">In the text, of the last token read.</param>
/// <param name="Tokens">Predicted since the sample before.</param>
/// <param name="Loss">Their mean, in nats.</param>
/// <param name="Seconds">That they took.</param>
/// <param name="ProcessBytes">Memory of the process that is resident now.</param>
/// <param name="GpuBytes">Memory of the GPU that is not free, whoever holds it; null without a GPU.</param>
public readonly record struct StreamSample(long Position, long Tokens, double Loss, double Seconds, long ProcessBytes, long? GpuBytes);

/// <summary>Smallest and largest number of bytes.</summary>
public readonly record struct MemoryRange(long Least, long Most);

/// <summary>What reading one long text came to.</summary>
/// <param name="Documents">That were read as one.</param>
/// <param name="Evaluation">Loss, also by position.</param>
/// <param name="Seconds">For reading alone.</param>
/// <param name="Interrupted">Whether it was stopped before the end.</param>
/// <param name="WarmUp">Tokens after which memory is expected to stay as it is.</param>
/// <param name="Samples">At most <see cref="StreamEvaluation.MostSamples"/>, however long the text.</param>
public sealed record StreamReport(
    int Documents, EvaluationReport Evaluation, double Seconds, bool Interrupted, long WarmUp, IReadOnlyList<StreamSample> Samples)
{
    public double TokensPerSecond => Evaluation.Tokens / Seconds;

    /// <summary>Memory of the process after the warm-up; null if that was not reached.</summary>
    public MemoryRange? Process => Range(sample => sample.ProcessBytes);

    /// <summary>Memory of the GPU after the warm-up; null without a GPU.</summary>
    public MemoryRange? Gpu => Range(sample => sample.GpuBytes);

    private MemoryRange? Range(Func<StreamSample, long?> bytes)
    {
        var settled = Samples.Where(sample => sample.Position > WarmUp).Select(bytes).OfType<long>().ToList();
        return settled.Count == 0 ? null : new MemoryRange(settled.Min(), settled.Max());
    }
}
