using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Model.Passes;

namespace Baka.Model.Programs;

/// <summary>
/// Reads one document token by token, in constant time and memory a token, and gives the logits of the next. What it
/// carries from window to window is what a window program carries; its variables are its own (<c>generator.*</c>), so
/// that it may share a device with training.
/// </summary>
public sealed class Generator : IDisposable
{
    private const string Prefix = "generator";

    private readonly IDevice _device;
    private readonly LanguageModel _model;
    private readonly IProgram _window;
    private readonly WindowInputs _windowInputs;
    private readonly SlotProgram _open;
    private readonly SlotProgram _close;
    private readonly SlotProgram _read;
    private readonly SlotProgram _predict;
    private readonly int[] _pauses;
    private readonly int[] _tokens;
    private int _documentWindow;
    private bool _isOpen;
    private int _count;
    private int _pausesDone;

    private Generator(IDevice device, LanguageModel model)
    {
        (_device, _model) = (device, model);
        _pauses = new int[model.Layout.Pauses];
        _tokens = new int[model.Layout.Tokens];
        var graph = new WindowGraph(model, 1, 1, $"{Prefix}.carry");
        graph.Carry.Store();
        _window = device.Load(graph.Graph);
        _windowInputs = new WindowInputs(model, _window, graph.Graph, 1, 1);
        _open = new SlotProgram(device, model, Prefix, Math.Max(1, model.Layout.Lead), isLead: true, pass => Keep(pass, p => model.OpenWindow(p)));
        _close = new SlotProgram(device, model, Prefix, Math.Max(1, model.Layout.Memory), isLead: false, pass => Keep(pass, p => model.CloseWindow(p)));
        _read = new SlotProgram(device, model, Prefix, 1, isLead: false, pass => Keep(pass, p => model.Hidden(p)));
        _predict = new SlotProgram(device, model, Prefix, 1, isLead: false, pass =>
            Keep(pass, p => p.Graph.Output("logits", model.Logits(model.Hidden(p)))));
    }

    /// <summary>[V]: logits of the token after the one fed last.</summary>
    /// <exception cref="InvalidOperationException">The document is empty so far.</exception>
    public ReadOnlySpan<float> Logits => _count > 0
        ? _predict.Output("logits")
        : throw new InvalidOperationException("There is nothing to predict from: feed a token first.");

    public static Generator Create(IDevice device, LanguageModel model) => new(device, model);

    /// <summary>Begins another document.</summary>
    public void Reset()
    {
        (_documentWindow, _isOpen, _count) = (0, false, 0);
    }

    /// <summary>Appends a token to the document.</summary>
    /// <exception cref="ArgumentException">There is no such token.</exception>
    public void Feed(int token)
    {
        Require(token);
        Append(token, isLast: true);
    }

    /// <summary>Appends tokens; whole windows of them are read at once. No tokens change nothing.</summary>
    /// <exception cref="ArgumentException">There is no such token.</exception>
    public void Feed(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            Require(token);
        }

        while (tokens.Length > 0)
        {
            // The last token goes alone, since its logits are wanted.
            if (tokens.Length > _tokens.Length && _count % _tokens.Length == 0)
            {
                Close();
                _windowInputs.Fill(tokens[.._tokens.Length], [_documentWindow], (ulong)_documentWindow);
                _window.Run();
                _documentWindow++;
                tokens = tokens[_tokens.Length..];
            }
            else
            {
                Append(tokens[0], isLast: tokens.Length == 1);
                tokens = tokens[1..];
            }
        }
    }

    /// <summary>What has been read so far, to be continued from as often as wanted.</summary>
    public GeneratorState Save()
    {
        var carry = new Dictionary<string, float[]>();
        foreach (var spec in _model.Carry(1))
        {
            carry[spec.Name] = new float[spec.Shape.Count];
            _device.Read($"{Prefix}.{spec.Name}", carry[spec.Name]);
        }

        return new GeneratorState(carry, _documentWindow, _tokens[.._count]);
    }

    /// <summary>Continues from what was saved.</summary>
    /// <exception cref="ArgumentException">The state belongs to another model.</exception>
    public void Load(GeneratorState state)
    {
        Check(state);
        foreach (var (name, values) in state.Carry)
        {
            _device.Write($"{Prefix}.{name}", values);
        }

        (_documentWindow, _isOpen, _count) = (state.DocumentWindow, false, 0);
        for (var i = 0; i < state.Tokens.Count; i++)
        {
            Append(state.Tokens[i], isLast: i == state.Tokens.Count - 1);
        }
    }

    public void Dispose()
    {
        _window.Dispose();
        _open.Dispose();
        _close.Dispose();
        _read.Dispose();
        _predict.Dispose();
    }

    private static void Keep(SlotPass pass, Action<SlotPass> build)
    {
        build(pass);
        pass.Window.Store();
        pass.Carry.Store();
    }

    private void Append(int token, bool isLast)
    {
        if (_count == _tokens.Length)
        {
            Close();
        }

        if (!_isOpen)
        {
            Open();
        }

        if (_pausesDone < _pauses.Length && _pauses[_pausesDone] == _count)
        {
            _read.Run(-1, NextSlot, _documentWindow);
            _pausesDone++;
        }

        (isLast ? _predict : _read).Run(token, NextSlot, _documentWindow);
        _tokens[_count++] = token;
    }

    private int NextSlot => _model.Layout.Lead + _count + _pausesDone;

    private void Open()
    {
        _open.Run(0, _documentWindow);
        _model.Layout.PlacePauses((ulong)_documentWindow, _pauses);
        (_isOpen, _pausesDone) = (true, 0);
    }

    /// <summary>Ends a full window. This waits for the token after it, so that a saved state always has tokens to predict from.</summary>
    private void Close()
    {
        if (_isOpen)
        {
            _close.Run(_model.Layout.Slots - Math.Max(1, _model.Layout.Memory), _documentWindow);
            _documentWindow++;
            (_isOpen, _count) = (false, 0);
        }
    }

    private void Require(int token)
    {
        if (token < 0 || token >= _model.Recipe.Vocabulary)
        {
            throw new ArgumentException($"The token {token} is not in the vocabulary of {_model.Recipe.Vocabulary}.");
        }
    }

    private void Check(GeneratorState state)
    {
        foreach (var spec in _model.Carry(1))
        {
            if (!state.Carry.TryGetValue(spec.Name, out var values) || values.Length != spec.Shape.Count)
            {
                throw new ArgumentException($"The saved state has no {spec.Name} of shape {spec.Shape}: it belongs to another model.");
            }
        }

        if (state.Carry.Count != _model.Carry(1).Count || state.Tokens.Count > _tokens.Length || state.DocumentWindow < 0)
        {
            throw new ArgumentException("The saved state has more than this model carries: it belongs to another model.");
        }

        foreach (var token in state.Tokens)
        {
            Require(token);
        }
    }
}
