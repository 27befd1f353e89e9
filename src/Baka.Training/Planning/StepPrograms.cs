using Baka.Model.Recipes;

namespace Baka.Training.Planning;

/// <summary>A training step runs its first program for each group of rows, and once the update that may follow.</summary>
internal static class StepPrograms
{
    /// <param name="rows">B.</param>
    /// <param name="index">Of the program, in the order they are loaded.</param>
    /// <returns>How often a step runs it.</returns>
    public static int Runs(TrainRecipe train, int rows, int index) => index == 0 ? rows / (train.RowsPerPass ?? rows) : 1;
}
