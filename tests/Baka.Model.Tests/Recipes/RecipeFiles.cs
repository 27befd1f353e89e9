using Baka.Model.Recipes;

namespace Baka.Model.Tests.Recipes;

/// <summary>A temporary folder of recipe files.</summary>
internal sealed class RecipeFiles : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("baka-recipes-").FullName;

    /// <summary>Root of the repository: the folder that holds Baka.slnx.</summary>
    public static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "Baka.slnx"))) folder = folder.Parent!;
            return folder.FullName;
        }
    }

    /// <summary>Loads a text as the file run.yaml.</summary>
    public static Recipe Load(string yaml, params string[] overrides)
    {
        using var files = new RecipeFiles();
        return RecipeLoader.Load(files.Write("run.yaml", yaml), overrides);
    }

    /// <summary>The sentence a text is refused with; the folder is left out of it.</summary>
    public static string Refusal(string yaml, params string[] overrides)
    {
        using var files = new RecipeFiles();
        return files.RefusalOf(files.Write("run.yaml", yaml), overrides);
    }

    public string RefusalOf(string path, params string[] overrides) =>
        Assert.Throws<RecipeException>(() => RecipeLoader.Load(path, overrides)).Message.Replace(Folder + Path.DirectorySeparatorChar, "");

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
