namespace Baka.Data.Tokenizers;

/// <summary>Applies the second splitter to each piece of the first.</summary>
internal sealed class SequencePreTokenizer(PreTokenizer first, PreTokenizer second) : PreTokenizer
{
    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        var outer = new List<int>();
        first.Split(text, outer);
        var start = 0;
        foreach (var end in outer)
        {
            var from = ends.Count;
            second.Split(text[start..end], ends);
            for (var i = from; i < ends.Count; i++)
                ends[i] += start;
            start = end;
        }
    }
}
