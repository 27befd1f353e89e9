namespace Baka.Cli.Output;

/// <summary>A curve drawn with the 2 × 4 dots of Braille characters. However many points it has, it takes constant memory.</summary>
/// <param name="unit">What the points are counted in, such as "step".</param>
internal sealed class LineChart(string unit)
{
    private const int Capacity = 1024;
    private const int AxisWidth = 8;

    // Numbers of the dots of a Braille character by column and row, as Unicode counts them.
    private static readonly int[,] Dots = { { 0x01, 0x02, 0x04, 0x40 }, { 0x08, 0x10, 0x20, 0x80 } };

    private readonly List<(double X, double Y)> _points = new(Capacity);
    private int _merged = 1;
    private (double X, double Y, int Count) _pending;

    /// <summary>Adds a point; x ascends. What is not finite is left out.</summary>
    public void Add(long x, double y)
    {
        if (!double.IsFinite(y))
            return;
        _pending = (_pending.X + x, _pending.Y + y, _pending.Count + 1);
        if (_pending.Count < _merged)
            return;
        if (_points.Count == Capacity)
            Halve();
        _points.Add((_pending.X / _pending.Count, _pending.Y / _pending.Count));
        _pending = default;
    }

    /// <summary>The curve with its axes; nothing while there are fewer than two points.</summary>
    /// <param name="width">Characters of a line.</param>
    /// <param name="height">Lines of the curve; one more is taken by the axis below it.</param>
    public IReadOnlyList<string> Draw(int width, int height)
    {
        var columns = width - AxisWidth - 2;
        if (_points.Count < 2 || columns < 8 || height < 2)
            return [];
        var (first, last) = (_points[0].X, _points[^1].X);
        var (low, high) = (_points.Min(point => point.Y), _points.Max(point => point.Y));
        if (high - low < 1e-6)
            (low, high) = (low - 0.5e-3, high + 0.5e-3);

        var cells = new int[height, columns];
        var before = -1;
        foreach (var (x, y) in Columns(2 * columns, first, last))
        {
            var dot = (int)Math.Round((high - y) / (high - low) * (4 * height - 1));
            // Neighbors are joined by a vertical line.
            var (top, bottom) = before < 0 ? (dot, dot) : (Math.Min(dot, before), Math.Max(dot, before));
            for (var i = top; i <= bottom; i++)
                cells[i / 4, x / 2] |= Dots[x % 2, i % 4];
            before = dot;
        }

        var lines = new List<string>();
        for (var row = 0; row < height; row++)
        {
            var label = row == 0 ? Figures.Invariant($"{high:F3}") : row == height - 1 ? Figures.Invariant($"{low:F3}") : "";
            var curve = string.Create(columns, (cells, row), static (text, from) =>
            {
                for (var i = 0; i < text.Length; i++)
                    text[i] = (char)(0x2800 + from.cells[from.row, i]);
            });
            lines.Add($"{label,AxisWidth} ┤{curve}");
        }

        var (left, right) = ($"{unit} {first:F0}", $"{last:F0}");
        lines.Add($"{"",AxisWidth}  {left}{right.PadLeft(Math.Max(right.Length + 1, columns - left.Length))}");
        return lines;
    }

    /// <summary>The mean of the points of every column; columns without points lie between their neighbors.</summary>
    private IEnumerable<(int X, double Y)> Columns(int count, double first, double last)
    {
        var at = 0;
        for (var x = 0; x < count; x++)
        {
            var until = first + (last - first) * (x + 1) / count;
            var (sum, points) = (0.0, 0);
            for (; at < _points.Count && (_points[at].X <= until || x == count - 1); at++, points++)
                sum += _points[at].Y;
            if (points > 0)
            {
                yield return (x, sum / points);
            }
            else if (at > 0 && at < _points.Count)
            {
                var (from, to) = (_points[at - 1], _points[at]);
                yield return (x, from.Y + (to.Y - from.Y) * Math.Clamp((until - from.X) / (to.X - from.X), 0, 1));
            }
        }
    }

    /// <summary>Makes room: two points become one, now and from here on.</summary>
    private void Halve()
    {
        for (var i = 0; i < Capacity / 2; i++)
        {
            var (a, b) = (_points[2 * i], _points[2 * i + 1]);
            _points[i] = ((a.X + b.X) / 2, (a.Y + b.Y) / 2);
        }

        _points.RemoveRange(Capacity / 2, Capacity / 2);
        _merged *= 2;
    }
}
