namespace Baka.Verification;

/// <summary>What came of a check.</summary>
/// <param name="Check">Its name.</param>
/// <param name="Group">Kind of the check.</param>
/// <param name="Passed">Whether it is as it should be.</param>
/// <param name="Error">Of the result that is nearest to its tolerance, or farthest beyond; null where no figure says it.</param>
/// <param name="Tolerance">Of the same result.</param>
/// <param name="Detail">Which result that is, or what is wrong.</param>
/// <param name="Seconds">On the device.</param>
public sealed record CheckResult(string Group, string Check, bool Passed, double? Error, double? Tolerance, string Detail, double Seconds);
