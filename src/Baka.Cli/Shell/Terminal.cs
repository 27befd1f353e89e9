using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Baka.Cli.Shell;

/// <summary>What a command reads from, writes to, and is interrupted by.</summary>
public sealed class Terminal : IDisposable
{
    /// <summary>Wide enough for every table, where the output has no width of its own.</summary>
    private const int PlainWidth = 120;

    private readonly Lazy<Interruption> _interruption;

    /// <param name="input">Text for commands that are given none.</param>
    /// <param name="output">Results.</param>
    /// <param name="error">Errors, warnings, and progress where the output is for machines.</param>
    /// <param name="interactive">The output is a screen that can be drawn on.</param>
    /// <param name="drawsErrors">So is the error stream.</param>
    public Terminal(Stream input, Stream output, Stream error, bool interactive = false, bool drawsErrors = false)
    {
        DrawsErrors = drawsErrors;
        var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Input = input;
        RawOutput = output;
        Output = new StreamWriter(output, encoding);
        Error = new StreamWriter(error, encoding) { AutoFlush = true };
        IsInteractive = interactive;
        Screen = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Output),
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = interactive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Yes : InteractionSupport.No,
        });
        Screen.Profile.Width = interactive && Console.WindowWidth is > 0 and var width ? width : PlainWidth;
        Screen.Profile.Capabilities.Unicode = true;
        Announce = text => Error.WriteLine($"\n{text}");
        _interruption = new Lazy<Interruption>(() => new Interruption(text => Announce(text)));
    }

    /// <summary>Standard input.</summary>
    public Stream Input { get; }

    /// <summary>Standard output; not flushed line by line.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard output for bytes that need not be text. Flush <see cref="Output"/> before using it.</summary>
    public Stream RawOutput { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether the output is a screen that can be drawn on.</summary>
    public bool IsInteractive { get; }

    /// <summary>Whether <see cref="Error"/> is a screen, so that a line of it can be written anew.</summary>
    public bool DrawsErrors { get; }

    /// <summary>Draws tables and the like on <see cref="Output"/>.</summary>
    public IAnsiConsole Screen { get; }

    /// <summary>Tells the user something in the middle of other output.</summary>
    internal Action<string> Announce { get; set; }

    /// <summary>Canceled by the first Ctrl-C. A command that never asks for it is ended by Ctrl-C at once.</summary>
    public CancellationToken Interrupted => _interruption.Value.Token;

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new(
        Console.OpenStandardInput(),
        OpenOutput(),
        Console.OpenStandardError(),
        interactive: !Console.IsOutputRedirected && IsCapable,
        drawsErrors: !Console.IsErrorRedirected && IsCapable);

    private static bool IsCapable => Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Writes a line that is seen at once.</summary>
    public void WriteLine(string line)
    {
        Output.WriteLine(line);
        Output.Flush();
    }

    /// <summary>Writes what is held back; a reader that is gone does not matter any more.</summary>
    public void Flush()
    {
        try
        {
            Output.Flush();
        }
        catch (IOException)
        {
            // Whoever read the output has gone.
        }
    }

    public void Dispose()
    {
        if (_interruption.IsValueCreated)
            _interruption.Value.Dispose();
    }

    /// <summary>
    /// The console's own stream passes over a broken pipe in silence, so that 'baka score … | head' would count on to its
    /// end. On a file it is the right one, because it writes at the place shared with standard error.
    /// </summary>
    private static Stream OpenOutput()
    {
        if (!OperatingSystem.IsWindows() && Console.IsOutputRedirected)
        {
            var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            if (!pipe.CanSeek)
                return pipe;
        }

        return Console.OpenStandardOutput();
    }
}
