using System.Runtime.CompilerServices;
using Baka.Training.Corpora;

namespace Baka.Training.Tests;

/// <summary>Tests neither use nor fill the user's cache.</summary>
internal static class OwnCache
{
    [ModuleInitializer]
    internal static void Set()
    {
        var folder = Directory.CreateTempSubdirectory("baka-test-cache-").FullName;
        Environment.SetEnvironmentVariable(CacheFolder.Variable, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
