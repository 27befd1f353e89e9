using Baka.Data;
using Baka.Training.Generation;
using Baka.Training.Models;
using Baka.Training.Runs;
using Baka.Training.Tests.Models;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Generation;

public sealed class TextGeneratorTests(TrainedModel trained) : IClassFixture<TrainedModel>, IDisposable
{
    private const string Prompt = "the cat sat on a mat and the dog ran far";

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void The_same_seed_writes_the_same_text_and_another_one_another()
    {
        Assert.Equal(Write(1), Write(1));
        Assert.NotEqual(Write(1), Write(2));

        string Write(ulong seed)
        {
            using var generator = new TextGenerator(trained.Model);
            generator.Read(Prompt);
            return Continue(generator, new GenerationSettings { Seed = seed, MaxTokens = 40, IgnoreEndOfText = true });
        }
    }

    [Fact]
    public void What_was_read_once_is_gone_on_with_many_times()
    {
        var settings = new GenerationSettings { MaxTokens = 30, IgnoreEndOfText = true };
        using var first = new TextGenerator(trained.Model);
        first.Read(Prompt);
        first.SaveState(_root.At("state"));
        var count = first.TokenCount;
        var text = Continue(first, settings);
        Assert.Equal(count + 30, first.TokenCount);

        using var model = LoadedModel.Open(trained.Model.Folder, TinyRun.Cpu);
        using var second = new TextGenerator(model);
        for (var time = 0; time < 2; time++)
        {
            second.LoadState(_root.At("state"));
            Assert.Equal(count, second.TokenCount);
            Assert.Equal(text, Continue(second, settings));
        }

        Assert.Equal(["state"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void The_state_of_another_model_is_refused()
    {
        var folder = _root.At("other");
        TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe("pause.random=false", "train.steps=1", "train.seed=2")));
        using var other = LoadedModel.Open(folder, TinyRun.Cpu);
        using (var generator = new TextGenerator(other))
        {
            generator.Read(Prompt);
            generator.SaveState(_root.At("state"));
        }

        using var own = new TextGenerator(trained.Model);
        var error = Assert.Throws<UserException>(() => own.LoadState(_root.At("state")));
        Assert.EndsWith("is what another model remembers: use the checkpoint that it was saved with.", error.Message);
    }

    [Fact]
    public void A_state_that_can_not_be_written_is_told()
    {
        using var generator = new TextGenerator(trained.Model);
        generator.Read(Prompt);
        Directory.CreateDirectory(_root.At("folder", "inner"));
        Assert.Throws<UserException>(() => generator.SaveState(_root.At("missing", "state")));
        Assert.Throws<UserException>(() => generator.SaveState(_root.At("folder")));
        Assert.Equal(["folder"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Files_that_are_no_state_are_refused()
    {
        using var generator = new TextGenerator(trained.Model);
        Assert.Throws<UserException>(() => generator.LoadState(_root.At("missing")));
        File.WriteAllText(_root.At("text"), "Call me Ishmael.");
        Assert.Throws<UserException>(() => generator.LoadState(_root.At("text")));
        Assert.EndsWith(
            "is not a saved state: give a file that was written with --save-state.",
            Assert.Throws<UserException>(() => generator.LoadState(Path.Combine(trained.Model.Folder, "model.safetensors"))).Message);
    }

    [Fact]
    public void An_empty_document_and_senseless_settings_are_refused()
    {
        using var generator = new TextGenerator(trained.Model);
        Assert.Throws<UserException>(() => generator.Generate(new GenerationSettings()));
        generator.Read(Prompt);
        Assert.Throws<UserException>(() => generator.Generate(new GenerationSettings { MaxTokens = -1 }));
        Assert.Throws<UserException>(() => generator.Generate(new GenerationSettings { Temperature = -1 }));
        Assert.Throws<UserException>(() => generator.Read([270]));
        generator.Reset();
        Assert.Throws<UserException>(() => generator.Generate(new GenerationSettings()));
    }

    [Fact]
    public void The_end_of_text_ends_the_text_unless_told_otherwise()
    {
        using var model = LoadedModel.Open(trained.Model.Folder, TinyRun.Cpu);
        // All logits become 0, and of equal ones the lowest id wins: that of the end of text.
        model.Device.Write("lm_head.weight", new float[model.Device.Variables["lm_head.weight"].Count]);
        Assert.Equal(0, model.Tokenizer.EndOfTextId);
        using var generator = new TextGenerator(model);
        generator.Read(Prompt);
        var settings = new GenerationSettings { Temperature = 0, MaxTokens = 3 };
        Assert.Equal("", Continue(generator, settings));
        Assert.Equal("<|endoftext|><|endoftext|><|endoftext|>", Continue(generator, settings with { IgnoreEndOfText = true }));
    }

    [Fact]
    public void Writing_can_be_stopped()
    {
        using var stop = new CancellationTokenSource();
        using var generator = new TextGenerator(trained.Model);
        generator.Read(Prompt);
        var pieces = 0;
        foreach (var _ in generator.Generate(new GenerationSettings { MaxTokens = long.MaxValue, IgnoreEndOfText = true }, stop.Token))
        {
            if (++pieces == 3)
            {
                stop.Cancel();
            }
        }

        Assert.InRange(pieces, 3, 4);
    }

    private static string Continue(TextGenerator generator, GenerationSettings settings) => string.Concat(generator.Generate(settings));
}
