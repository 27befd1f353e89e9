using Spectre.Console;

namespace Baka.Cli.Output;

/// <summary>Tables of one look.</summary>
internal static class Tables
{
    /// <summary>Names on the left, what they are on the right.</summary>
    public static Table Facts(IEnumerable<(string Name, string Value)> facts)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = false };
        table.AddColumn(new TableColumn("").PadRight(3).NoWrap());
        table.AddColumn("");
        foreach (var (name, value) in facts)
            table.AddRow(new Text(name), new Text(value));
        return table;
    }

    /// <summary>A table of words in the first column and of figures in the others.</summary>
    public static Table Figures(params ReadOnlySpan<string> headings)
    {
        var table = new Table { Border = TableBorder.Simple };
        for (var i = 0; i < headings.Length; i++)
        {
            var column = new TableColumn(new Text(headings[i]));
            table.AddColumn(i == 0 ? column.NoWrap() : column.RightAligned().NoWrap());
        }

        return table;
    }

    public static void Row(this Table table, params ReadOnlySpan<string> cells)
    {
        var texts = new Text[cells.Length];
        for (var i = 0; i < cells.Length; i++)
            texts[i] = new Text(cells[i]);
        table.AddRow(texts);
    }
}
