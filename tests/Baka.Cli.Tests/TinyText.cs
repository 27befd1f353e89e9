namespace Baka.Cli.Tests;

/// <summary>A text and a recipe that train in a second.</summary>
internal static class TinyText
{
    private static readonly string[] Words = "the cat dog bird house tree river sky sun moon walks sleeps sings swims and or near under big small red blue".Split(' ');

    public const string Recipe =
        """
        layers: 1
        dim: 16
        heads: 2
        mlp.hidden: 32
        window: 16
        vocabulary: 300
        pause.count: 2
        memory.tokens: 2
        train:
          batch: 2
          windows_per_step: 2
          steps: 30
          eval_every: 10
          checkpoint_every: 7
          schedule.warmup: 5

        """;

    /// <summary>Sentences of random words.</summary>
    public static string Make(int paragraphs, int seed = 1)
    {
        var random = new Random(seed);
        return string.Join("\n\n", Enumerable.Range(0, paragraphs).Select(_ => string.Join(' ', Enumerable.Range(0, 60).Select(_ => Words[random.Next(Words.Length)])) + "."));
    }
}
