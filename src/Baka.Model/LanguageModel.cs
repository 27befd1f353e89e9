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
    private readonly MemSlots? _mem;
    private readonly Layer[] _layers;
    private readonly Head _head;
    private readonly Module[] _parts;

    public LanguageModel(ModelRecipe recipe)
    {
        Recipe = recipe;
        Layout = new SlotLayout(recipe);
        _embedding = new Embedding(recipe);
        _memory = recipe.Memory.Tokens == 0 ? null : new Memory(recipe);
        _mem = recipe.MemTransformer.Tokens == 0 ? null : new MemSlots(recipe);
        _layers = MakeLayers();
        _head = new Head(recipe.OfLayer(_layers.Length - 1), _embedding.Table);
        Module?[] parts = [_embedding, _memory, _mem, .. _layers, _head];
        _parts = [.. parts.OfType<Module>()];
        Parameters = [.. _parts.SelectMany(p => p.Parameters).Distinct()];
    }

    public ModelRecipe Recipe { get; }

    /// <summary>Where tokens, pauses and memory lie in a window.</summary>
    public SlotLayout Layout { get; }

    /// <summary>All learned tensors, in an order that depends on the recipe alone.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Those of them that training changes, in their order: the parts that <c>train.only</c> names, or all.</summary>
    public IReadOnlyList<ParameterSpec> Trained(TrainRecipe train) =>
        train.Only is { } parts ? ModelParts.Select(Parameters, parts) : Parameters;

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

    /// <summary>The last layer's output at the tokens: [B, windows · T, its width].</summary>
    internal Tensor Hidden(WindowPass pass)
    {
        var x = _embedding.Apply(pass.Tokens);
        if (Layout.Slots > Layout.Body)
        {
            var d = Recipe.Dim;
            var memory = _memory?.Begin(pass).Reshape(pass.Rows, pass.Windows, Layout.Memory, d);
            Tensor?[] window = [memory, _mem?.Begin(pass), x.Reshape(pass.Rows, pass.Windows, Layout.Body, d), memory];
            x = Tensor.Concat(2, [.. window.OfType<Tensor>()]).Flatten();
        }

        x = ThroughLayers(x, pass);
        _memory?.End(pass, x);
        if (Layout.Slots > Layout.Tokens)
        {
            x = x.GatherRows(TokenRows(pass));
        }

        return x.Reshape(pass.Rows, pass.Windows * Layout.Tokens, x.Shape[1]);
    }

    /// <summary>The last layer's output at the next slots of an open window, given by their ids: [slots, its width].</summary>
    internal Tensor Hidden(SlotPass pass) => ThroughLayers(_embedding.Apply(pass.Tokens), pass);

    /// <summary>Begins a window that will come slot by slot: fetches the past and reads what stands in front of the body.</summary>
    internal void OpenWindow(SlotPass pass)
    {
        foreach (var layer in _layers)
        {
            layer.OpenWindow(pass);
        }

        if (Layout.Lead > 0)
        {
            Tensor?[] lead = [_memory?.Begin(pass), _mem?.Begin(pass).Reshape(1, Layout.Mem, Recipe.Dim)];
            ThroughLayers(Tensor.Concat(1, [.. lead.OfType<Tensor>()]).Flatten(), pass);
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

    /// <summary>Negative log-likelihoods, and 1 where the target has the largest logit: x [n, last width], targets i32 [n] → [n] each.</summary>
    internal (Tensor Nll, Tensor Correct) Score(Tensor x, Tensor targets) => _head.Score(x, targets);

    /// <summary>x [n, last width] → [n, V].</summary>
    internal Tensor Logits(Tensor x) => _head.Logits(x);

    /// <summary>Whether StepForward has an output at a slot of a window with which a document begins or does not.</summary>
    internal bool StepReaches(int slot, bool fresh) => StepForward.Reaches(slot, fresh, Recipe.Step, Layout);

    private Layer[] MakeLayers()
    {
        ModelRecipe[] recipes = [.. Enumerable.Range(0, Recipe.Layers.Count).Select(Recipe.OfLayer)];
        var mlps = new Shared<MlpMaps>(Recipe.Mlp.Owner, i => new MlpMaps($"layers.{i}.mlp", recipes[i].Dim, recipes[i].Mlp.Hidden));
        var steps = new Shared<StepMap>(Recipe.Step.Owner, i => new StepMap($"layers.{i}.step", recipes[i].Dim, recipes[i].Step));
        var layers = new Layer[recipes.Length];
        for (var i = 0; i < layers.Length; i++)
        {
            var own = recipes[i];
            layers[i] = new Layer(i, own, Layout, own.Mlp.Hidden == 0 ? null : mlps.Of(i), own.Step.Width == 0 ? null : steps.Of(i), i == 0 ? null : layers[i - 1]);
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
