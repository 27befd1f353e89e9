using Baka.Cuda.Interop;

namespace Baka.Cuda.Tests.Interop;

public sealed class LibraryFinderTests : IDisposable
{
    private readonly FakeMachine _machine = new();

    [Fact]
    public void Looks_into_named_folders_then_loaded_files_then_wheels_then_conda_then_the_loader_then_toolkits()
    {
        _machine
            .With("mine/libnvrtc.so.13")
            .WithVariable("BAKA_CUDA_LIBS", "nothing-here", "mine")
            .WithLoaded("opt/torch/libnvrtc.so.13.0.88")
            .With("env/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13")
            .WithVariable("VIRTUAL_ENV", "env")
            .With("conda/lib/libnvrtc.so.13")
            .WithVariable("CONDA_PREFIX", "conda")
            .With("toolkit/lib64/libnvrtc.so.13")
            .WithVariable("CUDA_HOME", "toolkit")
            .With("usr/local/cuda/targets/x86_64-linux/lib/libnvrtc.so.13");

        Assert.Equal(
            [
                _machine.Place("mine/libnvrtc.so.13"),
                _machine.Place("opt/torch/libnvrtc.so.13.0.88"),
                _machine.Place("env/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13"),
                _machine.Place("conda/lib/libnvrtc.so.13"),
                "libnvrtc.so.13",
                "libnvrtc.so.12",
                _machine.Place("toolkit/lib64/libnvrtc.so.13"),
                _machine.Place("usr/local/cuda/targets/x86_64-linux/lib/libnvrtc.so.13"),
            ],
            _machine.Finder.Candidates(LibraryName.Nvrtc(13)));
    }

    [Fact]
    public void A_driver_for_CUDA_12_is_not_offered_libraries_of_CUDA_13()
    {
        _machine
            .With("env/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13")
            .With("env/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12")
            .WithVariable("VIRTUAL_ENV", "env");

        Assert.Equal(
            [_machine.Place("env/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12"), "libcublasLt.so.12"],
            _machine.Finder.Candidates(LibraryName.CublasLt(12)));
        Assert.Contains("nvidia-cublas-cu12", LibraryName.CublasLt(12).Advice);
    }

    [Fact]
    public void Wheels_of_the_python_on_the_path_are_found_behind_its_link()
    {
        _machine
            .With("base/bin/python3.11")
            .WithLink("bin/python3", "base/bin/python3.11")
            .WithVariable("PATH", "bin")
            .With("base/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");

        Assert.Equal(_machine.Place("base/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"), _machine.Finder.Candidates(LibraryName.Nvrtc(13))[0]);
    }

    [Fact]
    public void Wheels_of_the_newest_python_come_first_and_Debians_packages_count()
    {
        _machine
            .With("usr/lib/python3/dist-packages/nvidia/cu13/lib/libnvrtc.so.13")
            .With("usr/lib/python3.9/site-packages/nvidia/cu13/lib/libnvrtc.so.13")
            .With("usr/lib/python3.13/site-packages/nvidia/cu13/lib/libnvrtc.so.13");

        Assert.Equal(
            ["python3.13/site-packages", "python3.9/site-packages", "python3/dist-packages"],
            _machine.Finder.Candidates(LibraryName.Nvrtc(13)).Take(3).Select(file => Path.GetRelativePath(_machine.Place("usr/lib"), file)[..^"/nvidia/cu13/lib/libnvrtc.so.13".Length]));
    }

    [Fact]
    public void A_missing_library_is_told_with_its_files_where_it_was_looked_for_and_what_to_do()
    {
        _machine.WithVariable("BAKA_CUDA_LIBS", "mine");
        var library = new LibraryName("the thing", ["libthere-is-no-such-thing.so.1"], "install it");

        var failure = Assert.Throws<CudaException>(() => NativeModule.Load(library, _machine.Finder));

        Assert.StartsWith("The thing (libthere-is-no-such-thing.so.1) was not found in ", failure.Message);
        Assert.Contains(_machine.Place("mine"), failure.Message);
        Assert.Contains(_machine.Place("usr/local/cuda/lib64"), failure.Message);
        Assert.EndsWith(": install it.", failure.Message);
    }

    [Fact]
    public void A_file_that_is_no_library_is_passed_over()
    {
        _machine.With("mine/libthere-is-no-such-thing.so.1").WithVariable("BAKA_CUDA_LIBS", "mine");

        Assert.Throws<CudaException>(() => NativeModule.Load(new LibraryName("it", ["libthere-is-no-such-thing.so.1"], "-"), _machine.Finder));
    }

    [Fact]
    public void A_survey_tells_a_problem_exactly_where_something_has_no_version()
    {
        var survey = CudaSurvey.Take(_machine.Finder);

        Assert.Equal(["the NVIDIA driver", "NVRTC", "cuBLASLt"], survey.Libraries.Select(library => library.Name));
        Assert.Equal(survey.Problem is not null, survey.Libraries.Any(library => library.Version is null));
        Assert.All(survey.Libraries, library => Assert.True(library.Path is not null || library.Looked.Count > 0));
    }

    public void Dispose() => _machine.Dispose();
}
