using System.Text.Json.Nodes;
using Baka.Data;
using Baka.Training.Checkpoints;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_state_is_read_as_it_was_written()
    {
        Save(7);
        var written = Sample.State(7);
        var read = CheckpointReader.Open(_run.Path).State;
        Assert.True(JsonNode.DeepEquals(written.DataPosition, read.DataPosition));
        Assert.Equal(written.AutoClipHistory, read.AutoClipHistory);
        Assert.Equal(written.RandomStates, read.RandomStates);
        Assert.Equal([CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.Recipe], read.Files.Keys.Order());
        // The collections compare by reference: with those taken over, all else must be equal.
        Assert.Equal(
            written,
            read with
            {
                DataPosition = written.DataPosition,
                AutoClipHistory = written.AutoClipHistory,
                RandomStates = written.RandomStates,
                Files = written.Files,
            });
    }

    [Fact]
    public void Hashes_are_those_of_the_files()
    {
        var folder = Save(7);
        foreach (var (name, seal) in CheckpointReader.Open(folder).State.Files)
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, name));
            Assert.Equal(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes)).ToLowerInvariant(), seal.Sha256);
            Assert.Equal(bytes.Length, seal.Bytes);
        }
    }

    [Fact]
    public void The_newest_and_the_best_are_kept()
    {
        Save(1);
        Save(2, isBest: true);
        Save(3);
        Save(4);
        Save(5);
        Assert.Equal(["step-2", "step-4", "step-5"], Folders());
        Save(6, isBest: true);
        Assert.Equal(["step-5", "step-6"], Folders());
        Assert.Equal((6, 0), Sample.Identify(_run.At("best")));
    }

    [Fact]
    public void A_run_resumed_from_before_its_newest_keeps_what_it_saves()
    {
        Save(100);
        Save(200);
        Save(120);
        Assert.Equal((120, 0), Sample.Identify(_run.Path));
        Assert.Equal(["step-100", "step-120", "step-200"], Folders());
        Save(200, mark: 1);
        Assert.Equal((200, 1), Sample.Identify(_run.Path));
        Assert.Equal(["step-120", "step-200"], Folders());
    }

    [Fact]
    public void Every_way_to_name_a_checkpoint_finds_it()
    {
        Save(1, isBest: true);
        Save(2);
        var second = _run.At("checkpoints", "step-2");
        Assert.Equal(second, CheckpointPath.Resolve(_run.Path));
        Assert.Equal(second, CheckpointPath.Resolve(_run.Path + Path.DirectorySeparatorChar));
        Assert.Equal(second, CheckpointPath.Resolve(_run.At("latest")));
        Assert.Equal(second, CheckpointPath.Resolve(second));
        Assert.Equal(second, CheckpointPath.Resolve(Path.GetRelativePath(Environment.CurrentDirectory, second)));
        Assert.Equal(_run.At("checkpoints", "step-1"), CheckpointPath.Resolve(_run.At("best")));
    }

    [Fact]
    public void A_copy_of_a_checkpoint_anywhere_is_one()
    {
        Directory.Move(Save(1), _run.At("copy"));
        Assert.Equal((1, 0), Sample.Identify(_run.At("copy")));
    }

    [Fact]
    public void Without_a_pointer_the_newest_is_the_latest()
    {
        Save(9);
        Save(10);
        File.Delete(_run.At("latest"));
        Assert.Equal((10, 0), Sample.Identify(_run.Path));
        Assert.Equal((10, 0), Sample.Identify(_run.At("latest")));
        File.WriteAllText(_run.At("latest"), "../../somewhere");
        Assert.Equal((10, 0), Sample.Identify(_run.At("latest")));
    }

    [Fact]
    public void Where_there_is_no_checkpoint_a_sentence_says_so()
    {
        AssertRefused(_run.At("nowhere"), "There is no checkpoint");
        AssertRefused(_run.At("nowhere", "latest"), "There is no checkpoint");
        AssertRefused(_run.Path, "is not a checkpoint");
        File.WriteAllText(_run.At("notes.txt"), "");
        AssertRefused(_run.At("notes.txt"), "is not a checkpoint");
        Directory.CreateDirectory(_run.At("checkpoints"));
        AssertRefused(_run.Path, "no latest checkpoint yet");
        Save(1);
        AssertRefused(_run.At("best"), "no best checkpoint yet");
    }

    [Fact]
    public void A_missing_file_is_refused()
    {
        File.Delete(Path.Combine(Save(1), CheckpointFiles.Recipe));
        AssertRefused(_run.Path, "recipe.yaml", "missing");
    }

    [Fact]
    public void A_file_that_was_cut_is_refused_even_without_comparing_hashes()
    {
        var path = Path.Combine(Save(1), CheckpointFiles.Optimizer);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Contains("changed", Assert.Throws<UserException>(() => CheckpointReader.Open(_run.Path, verify: false)).Message);
    }

    [Fact]
    public void A_file_of_which_one_bit_changed_is_refused()
    {
        var path = Path.Combine(Save(1), CheckpointFiles.Optimizer);
        var bytes = File.ReadAllBytes(path);
        bytes[^1000] ^= 1;
        File.WriteAllBytes(path, bytes);
        AssertRefused(_run.Path, CheckpointFiles.Optimizer, "changed");
        Assert.Equal(1, CheckpointReader.Open(_run.Path, verify: false).State.Step);
    }

    [Fact]
    public void A_damaged_state_is_refused_or_read_as_it_was()
    {
        var path = Path.Combine(Save(1), CheckpointFiles.State);
        var whole = File.ReadAllBytes(path);
        var random = new Random(8);
        var refused = 0;
        for (var trial = 0; trial < 500; trial++)
        {
            var bytes = whole.ToArray();
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, trial % 5 == 0 ? whole[..random.Next(whole.Length)] : bytes);
            try
            {
                Assert.Equal((1, 0), Sample.Identify(_run.Path));
            }
            catch (UserException e)
            {
                Assert.Contains(path, e.Message);
                refused++;
            }
        }

        Assert.InRange(refused, 450, 500);
    }

    [Fact]
    public void A_state_of_another_layout_version_is_refused()
    {
        var folder = _run.At("checkpoints", "step-1");
        new CheckpointStore(_run.Path, 2).Save(Sample.State(1) with { FormatVersion = 2 }, Sample.Files(1), isBest: false);
        AssertRefused(folder, "layout version 2");
    }

    [Fact]
    public void A_file_the_checkpoint_was_written_without_is_refused()
    {
        Save(1);
        var checkpoint = CheckpointReader.Open(_run.Path);
        Assert.Contains("carry.safetensors", Assert.Throws<UserException>(() => checkpoint.PathOf(CheckpointFiles.Carry)).Message);
    }

    [Fact]
    public void Keeping_no_checkpoint_is_refused() => Assert.Throws<UserException>(() => new CheckpointStore(_run.Path, 0));

    private static void AssertRefused(string path, params string[] parts)
    {
        var message = Assert.Throws<UserException>(() => CheckpointReader.Open(path)).Message;
        Assert.All(parts, part => Assert.Contains(part, message));
    }

    private string Save(long step, int mark = 0, bool isBest = false) =>
        new CheckpointStore(_run.Path, keepLast: 2).Save(Sample.State(step, mark), Sample.Files(step, mark), isBest);

    private IEnumerable<string?> Folders() => Directory.GetDirectories(_run.At("checkpoints")).Select(Path.GetFileName).Order();
}
