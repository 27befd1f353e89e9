using Baka.Data;
using Baka.Training.Runs;
using Baka.Training.Tests.Runs;

// Started by tests as a process that they can kill: trains in the folder given, from where a killed one left off.
var folder = args[0];
try
{
    TrainingRun.Run(TinyRun.Resume(folder));
}
catch (UserException)
{
    // Killed before its first checkpoint.
    if (Directory.Exists(folder))
    {
        Directory.Delete(folder, recursive: true);
    }

    TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe(KillTests.Overrides)));
}
