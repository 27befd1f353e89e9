using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Recipes;
using Baka.Verification.Models;

namespace Baka.Verification.Checks;

/// <summary>A model remembers on the device what it should and nothing else; see <see cref="SelfTest"/>.</summary>
internal sealed class MemoryCheck(string name, ModelRecipe recipe, Precision precision) : Check("memory", name)
{
    internal override void Exercise(Func<IDevice> open) => Test(open);

    internal override Verdict Run(Func<IDevice> open)
    {
        var checks = Test(open);
        var failed = checks.Where(check => !check.Passed).ToArray();
        return new Verdict(
            failed.Length == 0,
            null,
            null,
            failed.Length == 0 ? $"{checks.Count} properties" : string.Join("; ", failed.Select(check => $"{check.Name}: {check.Detail}")));
    }

    private IReadOnlyList<SelfTestCheck> Test(Func<IDevice> open) =>
        SelfTest.Run(open, recipe, (device, model) => ModelCases.Initialize(device, model), SelfTest.ToleranceOf(precision));
}
