namespace Baka.Training.Generation;

/// <summary>How a text is gone on with.</summary>
public sealed record GenerationSettings
{
    /// <summary>0 always takes the likeliest token; 1 draws from the model's own distribution.</summary>
    public double Temperature { get; init; } = 0.8;

    /// <summary>How many of the likeliest tokens to draw from; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>The share of probability to draw from, above 0 and up to 1.</summary>
    public double TopP { get; init; } = 0.95;

    /// <summary>Of the draws.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Most tokens to write.</summary>
    public long MaxTokens { get; init; } = 200;

    /// <summary>Whether to go on when the model ends its text; otherwise writing ends there.</summary>
    public bool IgnoreEndOfText { get; init; }
}
