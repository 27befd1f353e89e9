using System.Text.Json;
using Baka.Cli.Output;
using Baka.Cuda.Interop;

namespace Baka.Cli.Tests;

/// <summary>Commands with a GPU that is not there. Where there is one, it is hidden from them.</summary>
public sealed class GpuTests(TrainedRun trained) : IClassFixture<TrainedRun>
{
    [Theory]
    [InlineData("train tiny --device cuda")]
    [InlineData("bench --device cuda")]
    [InlineData("selftest --device cuda")]
    [InlineData("doctor tiny --device cuda")]
    public void Without_a_GPU_the_device_is_refused_in_one_sentence_with_exit_code_1(string line)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var process = BakaProgram.StartShell($"CUDA_VISIBLE_DEVICES= baka {line}");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith("baka: The", Assert.Single(error).Replace("There", "The"));
        Assert.EndsWith(".", error[0]);
        Assert.DoesNotContain("Exception", error[0]);
    }

    [Theory]
    [InlineData("train tiny --device cuda --debug", "--debug")]
    [InlineData("train tiny --precision bf16", "--device cuda")]
    [InlineData("train tiny --set precision=tf32", "--device cuda")]
    [InlineData("selftest --precision bf16", "--device cuda")]
    [InlineData("plan tiny --precision tf32", "--device cuda")]
    public void A_device_that_can_not_do_what_is_asked_says_so(string line, string named) =>
        UsageTests.AssertOneSentence(BakaProgram.Run(line.Split(' ')), 1, named);

    [Fact]
    public void A_step_is_planned_for_a_GPU_that_need_not_be_there()
    {
        var (half, full) = (Plan("--precision", "bf16"), Plan("--precision", "f32"));
        Assert.Contains("NVIDIA", half.GetProperty("device").GetString());
        Assert.Equal(half.GetProperty("flops").GetInt64(), full.GetProperty("flops").GetInt64());
        var (halfMemory, fullMemory) = (half.GetProperty("memory"), full.GetProperty("memory"));
        Assert.InRange((double)halfMemory.GetProperty("arena").GetInt64() / fullMemory.GetProperty("arena").GetInt64(), 0.45, 0.8);
        Assert.Equal(
            halfMemory.GetProperty("peak").GetInt64(),
            halfMemory.EnumerateObject().Where(part => part.Name != "peak").Sum(part => part.Value.GetInt64()));
        var (all, byRows) = (Largest("largest_batch"), Largest("largest_batch_by_rows"));
        Assert.True(byRows > all && all > 1, $"{all} and {byRows}");
    }

    [Fact]
    public void The_doctor_tells_what_is_missing_where_it_was_looked_for_and_what_to_do()
    {
        string[] places = ["/opt/one", "the loader's path"];
        var survey = new CudaSurvey(
            [
                new LibrarySurvey("the NVIDIA driver", "/lib/libcuda.so.1", "for CUDA 13.0", []),
                new LibrarySurvey("NVRTC", null, null, places),
                new LibrarySurvey("cuBLASLt", null, null, places),
            ],
            [new GpuSurvey("NVIDIA H100", 85_000_000_000, new Version(9, 0))],
            "NVRTC was not found: install it.");
        Assert.Equal(
            [
                ("GPU", "NVIDIA H100, 85.0 GB, compute capability 9.0"),
                ("the NVIDIA driver", "for CUDA 13.0: /lib/libcuda.so.1"),
                ("NVRTC", "not found in"),
                ("", "  /opt/one"),
                ("", "  the loader's path"),
                ("cuBLASLt", "not found in the same places"),
                ("--device cuda", "NVRTC was not found: install it."),
            ],
            GpuFacts.Of(survey));
    }

    [Fact]
    public void The_self_test_shows_errors_beside_tolerances_and_can_be_limited()
    {
        var lines = BakaProgram.Succeed("selftest", "--only", "rms norm", "--threads", "2").Lines;
        Assert.Contains("tolerance", lines[0]);
        Assert.All(lines.Skip(1).SkipLast(1), line => Assert.StartsWith("✓", line));
        Assert.StartsWith($"All {lines.Count - 2} checks passed", lines[^1]);
        var json = JsonDocument.Parse(BakaProgram.Succeed("selftest", "--only", "exp far", "--json").Lines[0]).RootElement;
        Assert.True(json.GetProperty("passed").GetBoolean());
        Assert.True(json.GetProperty("error").GetDouble() < json.GetProperty("tolerance").GetDouble());
        Assert.Equal(2, BakaProgram.Run("selftest", "--only", "no such check").Code);
    }

    private JsonElement Plan(params string[] arguments) => Root(arguments).GetProperty("plan");

    private long Largest(string key) => Root("--memory", "48MB").GetProperty(key).GetInt64();

    private JsonElement Root(params string[] arguments) =>
        JsonDocument.Parse(BakaProgram.Succeed(["plan", trained.Recipe, "--device", "cuda", "--json", .. arguments]).Output).RootElement;
}
