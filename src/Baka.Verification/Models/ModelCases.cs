using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Recipes;

namespace Baka.Verification.Models;

/// <summary>Small models with random parameters.</summary>
public static class ModelCases
{
    /// <summary>The core without any technique: 2 layers, d 8, 2 heads, F 12, V 11, T 6.</summary>
    public static readonly ModelRecipe Plain = new()
    {
        Layers = 2,
        Dim = 8,
        Heads = 2,
        Vocabulary = 11,
        Window = 6,
        Mlp = new() { Hidden = 12 },
        Xl = new() { Scheme = XlScheme.None },
        Pause = new() { Count = 0 },
        Memory = new() { Tokens = 0 },
        Step = new() { Width = 0 },
        Gate = new() { Of = [] },
    };

    /// <summary>Every technique with its default settings, at a size the reference can bear.</summary>
    public static readonly ModelRecipe Everything = Plain with
    {
        Xl = new(),
        Pause = new() { Count = 2 },
        Memory = new() { Tokens = 2 },
        Step = new() { Width = 3 },
        Gate = new(),
    };

    /// <summary>Recipes that between them use every option, by name.</summary>
    public static IReadOnlyDictionary<string, ModelRecipe> Zoo { get; } = new Dictionary<string, ModelRecipe>
    {
        ["plain"] = Plain,
        ["everything"] = Everything,
        ["tied, layer norm, split"] = Plain with { Tie = true, Norm = new() { Kind = NormKind.Layer, Split = true }, Step = new() { Width = 2 }, Gate = new() },
        ["xl"] = Plain with { Xl = new() },
        ["xl over two windows"] = Plain with { Xl = new() { Windows = 2 } },
        ["repos"] = Plain with { Xl = new() { Scheme = XlScheme.Repos } },
        ["repos with sinks and memory"] = Everything with { Xl = new() { Scheme = XlScheme.Repos, Windows = 2, Sinks = 3 } },
        ["positions in the document, with sinks"] = Everything with { Xl = new() { Scheme = XlScheme.LongNoreset, Windows = 2, Sinks = 2 } },
        ["queries from zero"] = Everything with { Xl = new() { Scheme = XlScheme.QueryZero } },
        ["queries from zero with sinks"] = Plain with { Xl = new() { Scheme = XlScheme.QueryZero, Windows = 2, Sinks = 2 } },
        ["flip-flop"] = Plain with { Xl = new() { Scheme = XlScheme.FlipFlop } },
        ["flip-flop over two windows"] = Everything with { Xl = new() { Scheme = XlScheme.FlipFlop, Flip = 9, Windows = 2, Sinks = 1 } },
        ["no positions"] = Everything with { Xl = new() { Scheme = XlScheme.Nope } },
        ["past of the layer below"] = Plain with { Layers = 3, Xl = new() { Source = XlSource.Below } },
        ["past of the layer below over two windows"] = Everything with { Layers = 3, Memory = new() { Tokens = 0 }, Xl = new() { Source = XlSource.Below, Windows = 2 } },
        ["sinks of the layer below"] = Everything with { Xl = new() { Source = XlSource.Below, Sinks = 2, Scheme = XlScheme.FlipFlop } },
        ["memory transformer"] = Plain with { MemTransformer = new() { Tokens = 2 } },
        ["memory transformer with everything"] = Everything with { MemTransformer = new() { Tokens = 3 }, Xl = new() { Sinks = 2 } },
        ["memory transformer side by side"] = Everything with { Memory = new() { Tokens = 0 }, MemTransformer = new() { Tokens = 3, Controller = true } },
        ["memory controller"] = Everything with { MemTransformer = new() { Tokens = 2, Controller = true } },
        ["memory bottleneck"] = Everything with { MemTransformer = new() { Tokens = 2, Bottleneck = true } },
        ["memory bottleneck with a controller"] = Plain with { Xl = new(), MemTransformer = new() { Tokens = 2, Bottleneck = true, Controller = true } },
        ["recurrence"] = Plain with { Recurrence = new() { States = 3 } },
        ["recurrence with everything"] = Everything with { Recurrence = new() { States = 3, At = 1 } },
        ["recurrence with LSTM gates"] = Everything with { Memory = new() { Tokens = 0 }, Recurrence = new() { States = 2, Gate = RecurrenceGate.Lstm } },
        ["sinks"] = Plain with { Xl = new() { Sinks = 2 } },
        ["sinks over two windows"] = Everything with { Xl = new() { Windows = 2, Sinks = 3 } },
        ["pauses"] = Plain with { Pause = new() { Count = 4 } },
        ["random pauses"] = Everything with { Pause = new() { Count = 3, Random = true } },
        ["random pauses side by side"] = Everything with { Memory = new() { Tokens = 0 }, Pause = new() { Count = 3, Random = true } },
        ["memory"] = Plain with { Memory = new() { Tokens = 3 } },
        ["memory with the paper's mask"] = Everything with { Memory = new() { Tokens = 3, Mask = MemoryMask.Rmt } },
        ["memory margin"] = Everything with { Memory = new() { Tokens = 5, Margin = 2 } },
        ["glu"] = Everything with { Memory = new() { Tokens = 2, Solidifier = Solidifier.Glu } },
        ["gelephant"] = Everything with { Memory = new() { Tokens = 3, Solidifier = Solidifier.Gelephant, Margin = 1 } },
        ["mlp solidifier"] = Everything with { Memory = new() { Tokens = 2, Solidifier = Solidifier.Mlp } },
        ["mixer"] = Everything with { Memory = new() { Tokens = 3, Solidifier = Solidifier.Mixer } },
        ["step"] = Plain with { Step = new() { Width = 4 } },
        ["step of one"] = Plain with { Step = new() { Width = 1 } },
        ["step at every third"] = Everything with { Step = new() { Width = 3, Every = 3 } },
        ["step shared by pairs"] = Plain with { Layers = 3, Step = new() { Width = 2, Share = StepSharing.Pairs } },
        ["step shared by all"] = Plain with { Layers = 3, Step = new() { Width = 2, Share = StepSharing.All, Carry = true } },
        ["carried step"] = Everything with { Step = new() { Width = 3, Carry = true } },
        ["carried step side by side"] = Plain with { Xl = new(), Pause = new() { Count = 2 }, Step = new() { Width = 4, Every = 4, Carry = true } },
        ["sigmoid gates on outputs"] = Everything with { Gate = new() { Fn = GateFunction.Sigmoid, On = GateSource.Output } },
        ["tanh gates on differences"] = Everything with { Gate = new() { Fn = GateFunction.Tanh, On = GateSource.Difference } },
        ["leaky gates on negative differences"] = Everything with { Gate = new() { Fn = GateFunction.LeakyRelu, On = GateSource.NegDifference } },
        ["silu gate on attention"] = Everything with { Gate = new() { Fn = GateFunction.Silu, Of = [Branch.Attn] } },
        ["elephant gate on the MLP"] = Everything with { Gate = new() { Fn = GateFunction.Elephant, Of = [Branch.Mlp] } },
        ["thin and thick layers"] = Plain with { Layers = new([new() { Hidden = 0 }, new(), new() { Hidden = 17 }]) },
        ["thin layers with everything"] = Everything with { Layers = new([new() { Hidden = 0 }, new() { Count = 2 }]), Norm = new() { Split = true } },
        ["attention alone"] = Plain with { Mlp = new() { Hidden = 0 } },
        ["shared MLP"] = Plain with { Layers = 4, Mlp = new() { Hidden = 12, Share = "abab" } },
        ["shared MLP with LoRA"] = Everything with { Layers = new([new() { Hidden = 0 }, new() { Count = 2, Hidden = 5 }]), Mlp = new() { Hidden = 12, Share = "abb", Lora = 2 } },
        ["LoRA beside an MLP solidifier"] = Everything with { Mlp = new() { Hidden = 12, Lora = 3 }, Memory = new() { Tokens = 2, Solidifier = Solidifier.Mlp } },
        ["fan-out"] = Plain with { Layers = 3, Fanout = new() { Step = 4 } },
        ["fan-out with everything"] = Everything with { Layers = 3, Fanout = new() { Step = 8 }, Norm = new() { Split = true }, Xl = new() { Windows = 2, Sinks = 3 }, Step = new() { Width = 3, Carry = true } },
        ["fan-out with negator, norm and mixer"] = Everything with
        {
            Fanout = new() { Step = 4 },
            Attn = new() { Negator = true, QkNorm = QkNorm.Layer, QkNormPer = QkNormSpan.Width },
            Memory = new() { Tokens = 3, Solidifier = Solidifier.Mixer, Margin = 1 },
        },
        ["silu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Silu } },
        ["gelu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Gelu } },
        ["relu"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Relu } },
        ["sigmoid"] = Plain with { Mlp = new() { Hidden = 12, Act = MlpActivation.Sigmoid } },
        ["odd elephant"] = Plain with { Mlp = new() { Hidden = 12, Elephant = new() { A = 1.5, P = 3 } } },
        ["norm on every head"] = Everything with { Attn = new() { QkNorm = QkNorm.Layer } },
        ["norm on all heads"] = Everything with { Attn = new() { QkNorm = QkNorm.Rms, QkNormPer = QkNormSpan.Width } },
        ["negator"] = Everything with { Attn = new() { Negator = true } },
        ["mamba"] = Plain with { Mamba = new() { Every = 1, State = 3 } },
        ["mamba in every second layer"] = Everything with { Layers = 4, Mamba = new() { Every = 2, State = 2, Conv = 3, Rank = 2 } },
        ["mamba side by side"] = Plain with { Xl = new(), Pause = new() { Count = 2 }, Mamba = new() { Every = 2, State = 4, Expand = 1 } },
        ["mamba with a convolution longer than windows"] = Plain with { Mamba = new() { Every = 1, State = 3, Conv = 9 } },
        ["mega"] = Plain with { Mega = new() { States = 3 } },
        ["mega and memory"] = Everything with { Mega = new() { States = 2, Expand = 1 }, Gate = new() { Fn = GateFunction.Sigmoid } },
        ["mega side by side with mamba"] = Plain with { Xl = new() { Windows = 2 }, Pause = new() { Count = 2 }, Mega = new() { States = 4 }, Mamba = new() { Every = 1, State = 2 } },
        ["linear attention"] = Plain with { Attn = new() { Kind = AttentionKind.Linear } },
        ["linear attention with everything"] = Everything with { Xl = new() { Scheme = XlScheme.None }, Attn = new() { Kind = AttentionKind.Linear } },
        ["linear attention side by side"] = Plain with { Pause = new() { Count = 2 }, Attn = new() { Kind = AttentionKind.Linear, QkNorm = QkNorm.Rms, Negator = true }, Mamba = new() { Every = 1, State = 2 } },
        ["linear attention without permutations"] = Plain with { Attn = new() { Kind = AttentionKind.Linear, Permute = false } },
        ["linear attention that does not fade"] = Plain with { Attn = new() { Kind = AttentionKind.Linear, Fade = false }, MemTransformer = new() { Tokens = 2, Controller = true } },
        ["negator and norm"] = Everything with { Attn = new() { Negator = true, QkNorm = QkNorm.Rms }, Xl = new() { Windows = 2, Sinks = 1 } },
    };

    private static ModelRecipe HeadsOf32 => Plain with { Dim = 96, Heads = 3, Vocabulary = 301, Window = 70, Mlp = new() { Hidden = 256 }, Xl = new() };

    /// <summary>Models with heads, widths and windows as kernels are made for, though few layers.</summary>
    public static IReadOnlyDictionary<string, ModelRecipe> Large { get; } = new Dictionary<string, ModelRecipe>
    {
        ["everything with heads of 64"] = Everything with { Dim = 128, Vocabulary = 504, Window = 36, Mlp = new() { Hidden = 344 } },
        ["side by side with heads of 32"] = HeadsOf32 with
        {
            Pause = new() { Count = 4 },
            Step = new() { Width = 4 },
            Gate = new(),
        },
        ["mamba and mega"] = HeadsOf32 with
        {
            Mega = new() { States = 16 },
            Mamba = new() { Every = 2 },
        },
        ["linear attention in chunks"] = HeadsOf32 with
        {
            Window = 200,
            Xl = new() { Scheme = XlScheme.None },
            Attn = new() { Kind = AttentionKind.Linear },
        },
        ["fan-out from heads of 32 to heads of 64"] = Everything with { Dim = 64, Vocabulary = 201, Window = 20, Mlp = new() { Hidden = 96, Lora = 8 }, Fanout = new() { Step = 64 } },
        ["fan-out over heads of 68, 72 and 76"] = Everything with { Layers = 3, Dim = 136, Vocabulary = 201, Window = 36, Mlp = new() { Hidden = 96 }, Fanout = new() { Step = 8 } },
    };

    /// <summary>Gives parameters random values that depend on their name alone: norm weights near 1, and none too small to matter.</summary>
    public static void Initialize(IDevice device, LanguageModel model, int seed = 1)
    {
        foreach (var parameter in model.Parameters)
        {
            var random = new Random(parameter.Name.Aggregate(seed, (hash, c) => hash * 31 + c));
            var values = new float[parameter.Shape.Count];
            var scale = MathF.Max(parameter.Initial.Value, 0.1f);
            for (var i = 0; i < values.Length; i++)
            {
                var normal = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
                var value = parameter.Initial.Kind == InitializationKind.Normal ? scale * normal : parameter.Initial.Value + 0.1f * normal;

                // 8 significant bits, which every precision can hold.
                values[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xffff0000);
            }

            device.Write(parameter.Name, values);
        }
    }

    public static int[] Tokens(int count, int vocabulary, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }

    /// <summary>The token after each, and none after the last.</summary>
    public static int[] Targets(int[] tokens) => [.. tokens.Skip(1), -1];
}
