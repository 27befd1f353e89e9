namespace Baka.Data.Tokenizers;

/// <summary>Leaves the text in one piece.</summary>
internal sealed class WholePreTokenizer : PreTokenizer
{
    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        if (!text.IsEmpty)
            ends.Add(text.Length);
    }
}
