using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Models;

namespace Baka.Cli.Commands.Evaluation;

/// <summary>What an evaluation found, for people or for machines.</summary>
internal abstract class EvaluationOutput(LoadedModel model)
{
    protected LoadedModel Model => model;

    /// <summary>The first fact of every table.</summary>
    protected (string Name, string Value) Checkpoint => ("checkpoint", $"{ProgramName.Argument(model.Folder)} (step {model.State.Step})");

    public void Write(Terminal terminal, bool json)
    {
        if (json)
            terminal.WriteLine(Json.Line(ForMachines()));
        else
            WriteTables(terminal);
    }

    /// <summary>To be written as one line of JSON.</summary>
    protected abstract object ForMachines();

    protected abstract void WriteTables(Terminal terminal);
}
