using Baka.Cuda.Compilation;

namespace Baka.Cuda.Tests.Compilation;

public sealed class CubinCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("baka-cubins-").FullName;

    [Fact]
    public void Machine_code_comes_back_as_it_was_put_in()
    {
        new CubinCache(Path.Combine(_folder, "new")).Write("key", [1, 2, 3]);

        Assert.Equal([1, 2, 3], new CubinCache(Path.Combine(_folder, "new")).Read("key"));
        Assert.Null(new CubinCache(Path.Combine(_folder, "new")).Read("other"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(34)]
    public void A_file_that_was_cut_short_counts_as_missing(int length)
    {
        var cache = new CubinCache(_folder);
        cache.Write("key", [1, 2, 3]);
        var file = Assert.Single(Directory.GetFiles(_folder));
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..length]);

        Assert.Null(cache.Read("key"));
    }

    [Fact]
    public void A_flipped_bit_is_found_out()
    {
        var cache = new CubinCache(_folder);
        cache.Write("key", [1, 2, 3]);
        var file = Assert.Single(Directory.GetFiles(_folder));
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);

        Assert.Null(cache.Read("key"));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_no_failure()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var cache = new CubinCache(Path.Combine(_folder, "file"));

        cache.Write("key", [1]);

        Assert.Null(cache.Read("key"));
    }

    [Fact]
    public void The_key_depends_on_source_options_and_compiler()
    {
        string[] keys =
        [
            CubinCache.Key("source", ["-a", "-b"], new Version(13, 0)),
            CubinCache.Key("source ", ["-a", "-b"], new Version(13, 0)),
            CubinCache.Key("source", ["-a"], new Version(13, 0)),
            CubinCache.Key("source", ["-a", "-b"], new Version(13, 1)),
        ];

        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], CubinCache.Key("source", ["-a", "-b"], new Version(13, 0)));
    }

    [Theory]
    [InlineData(9, 0, "sm_90a")]
    [InlineData(8, 9, "sm_89")]
    [InlineData(12, 0, "sm_120")]
    public void Hopper_is_compiled_for_with_its_own_instructions(int major, int minor, string architecture) =>
        Assert.Equal(architecture, SourceCompiler.Architecture(major, minor));

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
