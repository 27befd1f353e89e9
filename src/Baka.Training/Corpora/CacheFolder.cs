namespace Baka.Training.Corpora;

/// <summary>Where trained tokenizers and encoded texts are kept from run to run. Everything in it can be deleted at any time.</summary>
public static class CacheFolder
{
    /// <summary>The environment variable that names another folder.</summary>
    public const string Variable = "BAKA_CACHE";

    /// <summary>The folder, which need not exist yet.</summary>
    public static string Path { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? System.IO.Path.GetFullPath(given) : UserCache();

    internal static string Texts => System.IO.Path.Combine(Path, "texts");

    internal static string Tokenizers => System.IO.Path.Combine(Path, "tokenizers");

    private static string UserCache()
    {
        var parent = OperatingSystem.IsWindows()
            ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
                ? given
                : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? System.IO.Path.Combine(home, ".cache") : "";
        // Services have no home.
        return System.IO.Path.Combine(parent.Length > 0 ? parent : System.IO.Path.GetTempPath(), "baka");
    }
}
