namespace Baka.Data;

/// <summary>How far a long piece of work is.</summary>
/// <param name="Stage">What is being done, in a few words ("counting pieces").</param>
/// <param name="Fraction">Share done, 0 … 1; null where the end is not known.</param>
public readonly record struct DataProgress(string Stage, double? Fraction);
