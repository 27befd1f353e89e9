// Trains a small model with memory on a string, and lets it write.
using Baka.Data.Documents;
using Baka.Model.Recipes;
using Baka.Training.Generation;
using Baka.Training.Models;
using Baka.Training.Runs;

const string Verse = "One for sorrow, two for joy, three for a girl, four for a boy, five for silver, six for gold, seven for a secret never to be told.\n";
var text = string.Concat(Enumerable.Repeat(Verse, 60));

// Where the run keeps its metrics and checkpoints.
var folder = args.Length > 0 ? args[0] : Directory.CreateTempSubdirectory("baka-quickstart-").FullName;

// The preset "tiny", made smaller still: any key of docs/recipes.md can be set.
var recipe = RecipeLoader.Load("tiny",
[
    "layers=2", "dim=32", "heads=2", "mlp.hidden=64", "window=16", "memory.tokens=4", "vocabulary=300", "train.batch=4",
    "train.steps=60", "train.optimizer.lr=0.01", "train.schedule.warmup=10", "data.valid_every=8",
]);

var result = TrainingRun.Run(new TrainRequest(recipe)
{
    Documents = DocumentSource.FromDocuments([new Document("verse", text)]),
    Out = folder,
});
Console.WriteLine($"Loss after {result.Step} steps: {result.Last?.Loss:F3} nats a token (a bigram model: {result.Final?.Baselines?.Bigram:F3}).");

using var model = LoadedModel.Open(result.Folder);
using var generator = new TextGenerator(model);
generator.Read("One for");
Console.Write("One for");
foreach (var piece in generator.Generate(new GenerationSettings { Temperature = 0, MaxTokens = 40 }))
    Console.Write(piece);
Console.WriteLine();
