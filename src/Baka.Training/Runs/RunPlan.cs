using Baka.Model.Recipes;

namespace Baka.Training.Runs;

/// <summary>What a run is about to do.</summary>
/// <param name="Folder">Of the run.</param>
/// <param name="Recipe">Fully resolved.</param>
/// <param name="Parameters">Numbers that the model has learned or learns.</param>
/// <param name="Trained">Those of them that this run changes.</param>
/// <param name="Data">What is learned from, in words.</param>
/// <param name="Training">Size of what is learned from; null where its documents are made without end.</param>
/// <param name="Validation">Size of what it is validated on.</param>
/// <param name="TokensPerStep">Most tokens that a step predicts.</param>
/// <param name="FirstStep">Steps done before, in a run that is resumed.</param>
public sealed record RunPlan(
    string Folder, Recipe Recipe, long Parameters, long Trained, string Data, TextSize? Training, TextSize Validation, long TokensPerStep, long FirstStep);

/// <summary>How much text there is.</summary>
/// <param name="Bytes">UTF-8 bytes.</param>
public readonly record struct TextSize(int Documents, long Tokens, long Bytes);

/// <summary>How far a run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="TotalSteps">Steps wanted; null if only time ends the run.</param>
/// <param name="Fraction">Share of the run that is done, 0 … 1.</param>
/// <param name="Elapsed">Since the run began, time before a resumption included.</param>
/// <param name="Left">Until the end, at the speed so far.</param>
/// <param name="Epoch">Passes over the data that are complete.</param>
public readonly record struct TrainProgress(long Step, long? TotalSteps, double Fraction, TimeSpan Elapsed, TimeSpan Left, long Epoch);
