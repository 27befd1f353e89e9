namespace Baka.Graph.Execution;

/// <summary>
/// Something that evaluates graphs. All programs of one device share its variables by name: a training step, an
/// evaluation and a generator work on the same parameters and the same carried memory.
/// </summary>
public interface IDevice : IDisposable
{
    /// <summary>Prepares a graph for repeated evaluation. Variables not seen before begin as zeros.</summary>
    /// <param name="groups">
    /// Into how many equal groups of rows the device splits what rows carry: a run works on one of them, and the
    /// carried variables are as many times larger on the device than in the graph.
    /// </param>
    IProgram Load(TensorGraph graph, int groups = 1);

    /// <summary>Shapes of the variables seen so far, by name.</summary>
    IReadOnlyDictionary<string, Shape> Variables { get; }

    /// <summary>Copies a variable's value to the host, dense and row-major.</summary>
    void Read(string variable, Span<float> to);

    /// <summary>Sets a variable's value.</summary>
    void Write(string variable, ReadOnlySpan<float> from);

    /// <summary>Sets a variable's value, made where it is needed: in parts, by many threads at once, where the device is faster so.</summary>
    void Write(string variable, PartMaker make)
    {
        var values = new float[Variables[variable].Count];
        make(0, values);
        Write(variable, values);
    }
}

/// <summary>Makes some of a variable's values; it is called in any order and by several threads.</summary>
/// <param name="start">Place of the first value in the variable, dense and row-major.</param>
public delegate void PartMaker(long start, Span<float> values);

/// <summary>A loaded graph. The buffers behind the spans stay the same from call to call.</summary>
public interface IProgram : IDisposable
{
    /// <summary>The i32 input of that name, to be filled before <see cref="Run"/>.</summary>
    Span<int> Ints(string input);

    /// <summary>The f32 input of that name, to be filled before <see cref="Run"/>.</summary>
    Span<float> Floats(string input);

    /// <summary>Evaluates the graph: outputs get their values, then assigned variables theirs.</summary>
    /// <param name="group">Whose carried variables to work on.</param>
    void Run(int group = 0);

    /// <summary>The f32 output of that name after <see cref="Run"/>.</summary>
    ReadOnlySpan<float> Output(string name);
}
