using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>A part of the model: the parameters it learns, the state it carries from window to window, and its parts.</summary>
internal abstract class Module(string name)
{
    private readonly List<Module> _parts = [];
    private readonly List<ParameterSpec> _parameters = [];
    private readonly List<Carried> _carried = [];

    /// <summary>Path of the module, such as <c>layers.0.attn</c>; empty for the model itself.</summary>
    public string Name { get; } = name;

    /// <summary>Its parameters and those of its parts; modules that share a part both have its parameters.</summary>
    public IEnumerable<ParameterSpec> Parameters => _parameters.Concat(_parts.SelectMany(p => p.Parameters));

    /// <summary>Its carried state and that of its parts.</summary>
    public IEnumerable<Carried> Carried => _carried.Concat(_parts.SelectMany(p => p.Carried));

    /// <summary>Begins a window that will come slot by slot: what is carried becomes the window's.</summary>
    public virtual void OpenWindow(SlotPass pass)
    {
        foreach (var part in _parts)
        {
            part.OpenWindow(pass);
        }
    }

    /// <summary>Ends such a window: what became of it is carried on.</summary>
    public virtual void CloseWindow(SlotPass pass)
    {
        foreach (var part in _parts)
        {
            part.CloseWindow(pass);
        }
    }

    /// <summary>The name as seen from the module around it.</summary>
    protected virtual string LocalName => Name[(Name.LastIndexOf('.') + 1)..];

    /// <summary>Names the nodes made until the result is disposed after this module.</summary>
    protected IDisposable Scope(TensorGraph graph) => graph.Scope(LocalName);

    protected T Part<T>(T part)
        where T : Module
    {
        _parts.Add(part);
        return part;
    }

    protected ParameterSpec Learn(string name, Shape shape, Initialization initial)
    {
        var spec = new ParameterSpec(Path(name), shape, initial);
        _parameters.Add(spec);
        return spec;
    }

    protected Carried Carry(string name, params ReadOnlySpan<int> perRow)
    {
        var carried = new Carried(Path(name), new Shape(perRow));
        _carried.Add(carried);
        return carried;
    }

    protected string Path(string name) => Name.Length == 0 ? name : $"{Name}.{name}";
}

/// <summary>State that a module carries: a tensor of this shape for every row.</summary>
internal sealed record Carried(string Name, Shape PerRow)
{
    public Shape For(int rows) => new([rows, .. PerRow.Extents]);
}
