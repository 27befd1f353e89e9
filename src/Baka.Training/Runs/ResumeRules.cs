using Baka.Data;
using Baka.Model.Recipes;

namespace Baka.Training.Runs;

/// <summary>What of a recipe may differ when a run is resumed: how long it goes on, and how often it is looked at.</summary>
internal static class ResumeRules
{
    /// <exception cref="UserException">Anything else differs.</exception>
    public static void Check(Recipe of, Recipe wanted)
    {
        var allowed = wanted with
        {
            Name = of.Name,
            Eval = of.Eval,
            Train = wanted.Train with
            {
                Steps = of.Train.Steps,
                Minutes = of.Train.Minutes,
                EvalEvery = of.Train.EvalEvery,
                CheckpointEvery = of.Train.CheckpointEvery,
                Keep = of.Train.Keep,
                StopAfterBad = of.Train.StopAfterBad,
            },
        };
        if (allowed != of)
        {
            var (asked, own) = allowed.ToYaml().Split('\n').Zip(of.ToYaml().Split('\n')).First(lines => lines.First != lines.Second);
            throw new UserException(
                $"A run that is resumed keeps its recipe, but '{asked.Trim()}' is asked for where it has '{own.Trim()}': begin a new run with --init-from to change it.");
        }
    }
}
