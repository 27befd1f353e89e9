namespace Baka.Training.Planning;

/// <summary>A training step runs its first program for each group of rows, and once the update that may follow.</summary>
internal static class StepPrograms
{
    /// <param name="rowsPerPass">Rows computed at a time.</param>
    /// <param name="rows">B.</param>
    /// <param name="index">Of the program, in the order they are loaded.</param>
    /// <returns>How often a step runs it.</returns>
    public static int Runs(int rowsPerPass, int rows, int index) => index == 0 ? rows / rowsPerPass : 1;
}
