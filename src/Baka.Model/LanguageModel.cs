using Baka.Graph;
using Baka.Model.Modules;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model;

/// <summary>
/// The model of a recipe: embedding, layers, head, and the memory around them. It holds no values; it knows its
/// parameters and builds graphs.
/// </summary>
public sealed class LanguageModel
{
    private readonly Embedding _embedding;
    private readonly Memory? _memory;
    private readonly Layer[] _layers;
    private readonly Head _head;
    private readonly Module[] _parts;

    public LanguageModel(ModelRecipe recipe)
    {
        Recipe = recipe;
        Layout = new SlotLayout(recipe);
        _embedding = new Embedding(recipe);
        _memory = recipe.Memory.Tokens == 0 ? null : new Memory(recipe);
        _layers = MakeLayers();
        _head = new Head(recipe, _embedding.Table);
        _parts = [_embedding, .. _memory is null ? Array.Empty<Module>() : [_memory], .. _layers, _head];
        Parameters = [.. _parts.SelectMany(p => p.Parameters)];
    }

    public ModelRecipe Recipe { get; }

    /// <summary>Where tokens, pauses and memory lie in a window.</summary>
    public SlotLayout Layout { get; }

    /// <summary>All trained tensors, in an order that depends on the recipe alone.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>The state variables that a training program with so many rows carries from step to step.</summary>
    public IReadOnlyList<CarrySpec> Carry(int rows) => Carry(rows, "carry");

    /// <summary>
    /// Whether windows must go through the layers one after the other: memory is known when the window before it is
    /// done, and sinks are another prefix for every window. Otherwise only caches link windows, layer by layer.
    /// </summary>
    internal bool IsSequential => _memory is not null || Layout.Sinks > 0;

    /// <summary>The same of a program whose variables have another prefix.</summary>
    public IReadOnlyList<CarrySpec> Carry(int rows, string prefix) =>
        [.. _parts.SelectMany(p => p.Carried).Select(c => new CarrySpec($"{prefix}.{c.Name}", c.For(rows)))];

    /// <summary>The last layer's output at the tokens: [B, windows · T, d].</summary>
    internal Tensor Hidden(WindowPass pass)
    {
        var d = Recipe.Dim;
        var x = _embedding.Apply(pass.Tokens);
        if (_memory is not null)
        {
            var memory = _memory.Begin(pass);
            x = Tensor.Concat(1, memory, x.Reshape(pass.Rows, Layout.Body, d), memory).Flatten();
        }

        x = ThroughLayers(x, pass);
        _memory?.End(pass, x);
        if (Layout.Slots > Layout.Tokens)
        {
            x = x.GatherRows(TokenRows(pass));
        }

        return x.Reshape(pass.Rows, pass.Windows * Layout.Tokens, d);
    }

    /// <summary>The last layer's output at the next slots of an open window, given by their ids: [slots, d].</summary>
    internal Tensor Hidden(SlotPass pass) => ThroughLayers(_embedding.Apply(pass.Tokens), pass);

    /// <summary>Begins a window that will come slot by slot: fetches the past and reads the memory.</summary>
    internal void OpenWindow(SlotPass pass)
    {
        foreach (var layer in _layers)
        {
            layer.OpenWindow(pass);
        }

        if (_memory is not null)
        {
            ThroughLayers(_memory.Begin(pass).Flatten(), pass);
        }
    }

    /// <summary>Ends such a window: writes the memory and makes the window the latest of the past.</summary>
    internal void CloseWindow(SlotPass pass)
    {
        if (_memory is not null)
        {
            _memory.End(pass, ThroughLayers(_memory.Begin(pass).Flatten(), pass));
        }

        foreach (var layer in _layers)
        {
            layer.CloseWindow(pass);
        }
    }

    /// <summary>Negative log-likelihoods, and 1 where the target has the largest logit: x [n, d], targets i32 [n] → [n] each.</summary>
    internal (Tensor Nll, Tensor Correct) Score(Tensor x, Tensor targets) => _head.Score(x, targets);

    /// <summary>x [n, d] → [n, V].</summary>
    internal Tensor Logits(Tensor x) => _head.Logits(x);

    /// <summary>Whether StepForward has an output at a slot of a window with which a document begins or does not.</summary>
    internal bool StepReaches(int slot, bool fresh) => StepForward.Reaches(slot, fresh, Recipe.Step, Layout);

    private Layer[] MakeLayers()
    {
        var step = Recipe.Step;
        var layers = new Layer[Recipe.Layers];
        StepMap? map = null;
        for (var i = 0; i < layers.Length; i++)
        {
            StepForward? branch = null;
            if (step.Width > 0)
            {
                var first = step.Share switch { StepSharing.None => i, StepSharing.Pairs => i / 2 * 2, _ => 0 };
                map = first == i ? new StepMap($"layers.{i}.step", Recipe.Dim, step) : map!;
                branch = new StepForward($"layers.{i}.step", Recipe, Layout, map, owner: first == i);
            }

            layers[i] = new Layer($"layers.{i}", Recipe, Layout, branch);
        }

        return layers;
    }

    private Tensor ThroughLayers(Tensor x, Pass pass)
    {
        foreach (var layer in _layers)
        {
            x = layer.Apply(x, pass);
        }

        return x;
    }

    /// <summary>The rows of the tokens among [rows, windows, slots]: known now unless pauses are random.</summary>
    private Tensor TokenRows(WindowPass pass)
    {
        if (Layout.HasRandomPauses)
        {
            return pass.Picked;
        }

        Span<int> pauses = stackalloc int[Layout.Pauses];
        Layout.PlacePauses(0, pauses);
        var rows = new int[pass.Rows * pass.Windows * Layout.Tokens];
        for (var window = 0; window < pass.Rows * pass.Windows; window++)
        {
            Layout.TokenRows(pauses, window, rows.AsSpan(window * Layout.Tokens, Layout.Tokens));
        }

        return pass.Graph.Constant(rows);
    }
}
