using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Runs;
using Spectre.Console;

namespace Baka.Cli.Training;

/// <summary>What a person is told when a run has ended.</summary>
internal static class TrainReport
{
    private const int PromptLength = 40;
    private const int SampledPromptLength = 240;

    public static void Write(TrainResult result, Terminal terminal)
    {
        terminal.WriteLine("");
        if (result.Last is { } last && TrainText.IsOfTask(last))
            WriteAccuracy(last, result.Final?.MemoryOff, terminal);
        else if (result.Last is { } ofText)
            WriteLosses(ofText, result.Final, terminal);
        if (result.Final is { Sample: { } sample })
            WriteSample(sample, terminal);
        switch (result.End)
        {
            case TrainEnd.Finished:
                WriteNext(result, terminal);
                break;
            case TrainEnd.Stopped:
                terminal.WriteLine($"Stopped after step {result.Step} and saved. To go on:\n  {ProgramName.In(result.ResumeCommand)}");
                break;
            case TrainEnd.TooManyBadSteps:
                // The exit code and the error say it.
                break;
        }
    }

    private static void WriteLosses(in EvaluationMetrics last, FinalFigures? final, Terminal terminal)
    {
        // All are over the same tokens of the same text.
        var bitsPerNat = last.BitsPerByte / last.Loss;
        var table = Tables.Figures($"validation, {Figures.Count(last.Tokens)} tokens", "loss (nats)", "perplexity", "bits per byte");
        Row("this model", last.Loss);
        if (final?.MemoryOff is { } off)
            Row("  its memory switched off", off.Loss);
        if (final?.Baselines is { } baselines)
        {
            Row("bigram model", baselines.Bigram);
            Row("unigram model", baselines.Unigram);
            Row("uniform model", baselines.Uniform);
        }

        terminal.Screen.Write(table);

        void Row(string name, double loss) =>
            table.Row(name, Figures.Loss(loss), Figures.Short(Math.Exp(loss)), Figures.Loss(loss * bitsPerNat));
    }

    private static void WriteAccuracy(in EvaluationMetrics last, EvaluationMetrics? memoryOff, Terminal terminal)
    {
        var table = Tables.Figures($"validation, {Figures.Count(last.Tokens)} answer tokens", "loss (nats)", "tokens right", "documents right");
        Row("this model", last);
        if (memoryOff is { } off)
            Row("  its memory switched off", off);
        terminal.Screen.Write(table);

        void Row(string name, in EvaluationMetrics figures) =>
            table.Row(name, Figures.Loss(figures.Loss), Figures.Percent(figures.Accuracy), Figures.Percent(figures.ExactMatch));
    }

    private static void WriteSample(TextSample sample, Terminal terminal)
    {
        // A task's prompt is all of a document but its answer.
        var prompt = sample.Prompt.Length > SampledPromptLength ? $"…{sample.Prompt[^SampledPromptLength..]}" : sample.Prompt;
        terminal.WriteLine("A sample:");
        terminal.Screen.Write(new Padder(new Text(Printable.Of(prompt + sample.Continuation)), new Padding(2, 0, 0, 1)));
    }

    private static void WriteNext(TrainResult result, Terminal terminal)
    {
        var (baka, run) = (ProgramName.Current, ProgramName.Argument(result.Folder));
        var prompt = result.Final is { Sample.Prompt: { } given } ? Printable.OneLine(given, PromptLength) : "The";
        terminal.WriteLine(
            $"""
            The run is in {run}. Three things to try next:
              {baka} generate {run} --prompt {ProgramName.Quote(prompt)} --tokens 300
              {baka} eval {run}/best --memory off
              {baka} train --resume {run} --steps {2 * result.Step}
            And with text of your own: {baka} train small --data FOLDER --minutes 20
            """);
    }
}
