namespace Baka.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("trian", "There is no command 'trian'; did you mean 'train'? See 'baka --help'.")]
    [InlineData("tokenizer encod x", "There is no command 'encod'; did you mean 'encode'? See 'baka tokenizer --help'.")]
    [InlineData("train --stepz 5", "There is no option '--stepz'; did you mean '--steps'? See 'baka train --help'.")]
    [InlineData("bench --bathc 3", "There is no option '--bathc'; did you mean '--batch'? See 'baka bench --help'.")]
    [InlineData("train --bathc 3", "There is no option '--bathc'; did you mean '--set train.batch=…'? See 'baka train --help'.")]
    [InlineData("train --rows-per-pass 4", "There is no option '--rows-per-pass'; did you mean '--set train.rows_per_pass=…'? See 'baka train --help'.")]
    [InlineData("train --lerning-rate 3", "There is no option '--lerning-rate'; did you mean '--set train.optimizer.lr=…'? See 'baka train --help'.")]
    [InlineData("train tiny --frobnicate", "There is no option '--frobnicate'. See 'baka train --help'.")]
    [InlineData("train tiny small", "There is one argument too many: 'small'. See 'baka train --help'.")]
    [InlineData("train --steps", "Option --steps needs a value. See 'baka train --help'.")]
    [InlineData("train --steps many", "--steps must be a whole number of at least 1, not 'many'. See 'baka train --help'.")]
    [InlineData("train --steps 0", "--steps must be a whole number of at least 1, not '0'. See 'baka train --help'.")]
    [InlineData("train --steps 1 --steps 2", "Option --steps is given more than once. See 'baka train --help'.")]
    [InlineData("train --minutes -1", "--minutes must be a number above 0, not '-1'. See 'baka train --help'.")]
    [InlineData("train --device tpu", "--device must be cpu or cuda, not 'tpu'. See 'baka train --help'.")]
    [InlineData("train --resume runs/x --seed 2", "--seed can't be given with --resume, because a resumed run keeps its own. See 'baka train --help'.")]
    [InlineData("train tiny --resume runs/x", "RECIPE can't be given with --resume, because a resumed run keeps its own. See 'baka train --help'.")]
    [InlineData("plan small --memory lots", "--memory must be a size such as 16GB, 800MB or 15.5GiB, not 'lots'. See 'baka plan --help'.")]
    [InlineData("bench --batch 0", "--batch must be a whole number of at least 1, not '0'. See 'baka bench --help'.")]
    [InlineData("eval x --memory maybe", "--memory must be on or off, not 'maybe'. See 'baka eval --help'.")]
    [InlineData("eval x --probe --stream a", "Give --probe or --stream, not both. See 'baka eval --help'.")]
    [InlineData("eval x --data a --stream b", "Give --data or --stream, not both. See 'baka eval --help'.")]
    [InlineData("eval x --probe --memory off", "--memory off can't be given with --probe or --stream, which are about memory. See 'baka eval --help'.")]
    [InlineData("eval", "CKPT is missing: A run's folder (its latest checkpoint), its 'best', or a folder in its 'checkpoints'. See 'baka eval --help'.")]
    [InlineData("score x", "Give either --text or --tokens. See 'baka score --help'.")]
    [InlineData("score x --text a --tokens b", "Give either --text or --tokens. See 'baka score --help'.")]
    [InlineData("generate x", "Give --prompt, --prompt-file or --load-state: a model needs something to go on from. See 'baka generate --help'.")]
    [InlineData("generate x --prompt a --top-p 1.5", "--top-p must be a number above 0 and at most 1, not '1.5'. See 'baka generate --help'.")]
    [InlineData("generate x --prompt a --prompt-file b", "Give --prompt or --prompt-file, not both. See 'baka generate --help'.")]
    public void A_wrong_call_gets_one_sentence_and_exit_code_2(string line, string sentence)
    {
        var outcome = BakaProgram.Run(line.Split(' '));
        Assert.Equal($"baka: {sentence}\n", outcome.Error);
        Assert.Equal("", outcome.Output);
        Assert.Equal(2, outcome.Code);
    }

    [Theory]
    [InlineData("train no-such-recipe", "no-such-recipe")]
    [InlineData("train tiny --set modle.dim=3", "modle")]
    [InlineData("train tiny --set dim=nine", "dim")]
    [InlineData("train tiny --set heads=3", "heads")]
    [InlineData("recipes no-such-recipe", "no-such-recipe")]
    public void A_wrong_recipe_gets_one_sentence_that_names_the_fault_and_exit_code_2(string line, string named) =>
        AssertOneSentence(BakaProgram.Run(line.Split(' ')), 2, named);

    [Theory]
    [InlineData("train tiny --data no-such-folder", "no-such-folder")]
    [InlineData("train --resume no-such-run", "no-such-run")]
    [InlineData("train tiny --init-from no-such-run", "no-such-run")]
    [InlineData("eval no-such-run", "no-such-run")]
    [InlineData("score no-such-run --text no-such-text", "no-such-text")]
    [InlineData("generate no-such-run --prompt x", "no-such-run")]
    [InlineData("generate no-such-run --prompt-file no-such-text", "no-such-text")]
    [InlineData("tokenizer info no-such-tokenizer", "no-such-tokenizer")]
    [InlineData("tokenizer train --data no-such-folder", "no-such-folder")]
    public void What_is_missing_is_named_in_one_sentence_with_exit_code_1(string line, string named) =>
        AssertOneSentence(BakaProgram.Run(line.Split(' ')), 1, named);

    [Fact]
    public void Files_of_another_kind_are_refused_in_one_sentence()
    {
        using var folder = new TemporaryFolder();
        var text = folder.Write("not-json.json", "this is no tokenizer");
        AssertOneSentence(BakaProgram.Run("tokenizer", "info", text), 1, "not-json.json");
        AssertOneSentence(BakaProgram.Run("eval", text), 1, "not-json.json");
        AssertOneSentence(BakaProgram.Run("train", folder.Write("bad.yaml", "layers: [1, 2")), 2, "bad.yaml");
        AssertOneSentence(BakaProgram.Run("train", "tiny", "--data", folder.Write("bad.gz", "x")), 1, "bad.gz");
        AssertOneSentence(BakaProgram.Run("train", "tiny", "--data", folder.Write("bad.jsonl", "{\"text\": ")), 1, "bad.jsonl");
        AssertOneSentence(BakaProgram.Run("train", "tiny", "--data", folder.Write("empty.txt", "")), 1, "empty.txt");
    }

    [Fact]
    public void Verbose_shows_where_an_error_came_from()
    {
        var outcome = BakaProgram.Run("eval", "no-such-run", "--verbose");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("   at Baka.", outcome.Error);
    }

    internal static void AssertOneSentence(BakaProgram.Outcome outcome, int code, string named)
    {
        var line = Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !line.EndsWith('…'));
        Assert.StartsWith("baka: ", line);
        Assert.EndsWith(".", line);
        Assert.Contains(named, line);
        Assert.DoesNotContain("   at ", outcome.Error);
        Assert.DoesNotContain("Exception", outcome.Error);
        Assert.Equal(code, outcome.Code);
    }
}
