using Baka.Cli.Shell;
using Baka.Data;

namespace Baka.Cli.Output;

/// <summary>Says on standard error what is being done and how far it is: on one line of a screen, else a line for every stage.</summary>
internal sealed class StageProgress(Terminal terminal) : IProgress<DataProgress>, IDisposable
{
    private readonly Lock _lock = new();
    private string? _stage;
    private int _shown = -1;
    private int _width;

    public void Report(DataProgress value)
    {
        lock (_lock)
        {
            var percent = value.Fraction is { } fraction ? (int)(100 * Math.Clamp(fraction, 0, 1)) : -1;
            if (value.Stage == _stage && percent == _shown)
                return;
            var isNew = value.Stage != _stage;
            (_stage, _shown) = (value.Stage, percent);
            if (terminal.DrawsErrors)
                Redraw(percent < 0 ? $"{value.Stage}…" : $"{value.Stage}… {percent} %");
            else if (isNew)
                terminal.Error.WriteLine($"{value.Stage}…");
        }
    }

    /// <summary>Progress of one stage, as the share done.</summary>
    public IProgress<double> For(string stage) => new Share(this, stage);

    /// <summary>Leaves the line empty for what comes next.</summary>
    public void Dispose()
    {
        if (terminal.DrawsErrors && _width > 0)
            Redraw("");
    }

    private void Redraw(string text)
    {
        terminal.Error.Write($"\r{text.PadRight(_width)}\r{text}");
        _width = text.Length;
    }

    private sealed class Share(StageProgress progress, string stage) : IProgress<double>
    {
        public void Report(double value) => progress.Report(new DataProgress(stage, value));
    }
}
