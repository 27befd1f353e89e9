using Baka.Model.Recipes;

namespace Baka.Model;

/// <summary>
/// Where things lie in a window: [read memory m | [mem] | body: T tokens and the pauses | write memory m], S slots in
/// all, and what its queries see of the key stream [sinks | past windows | window].
/// </summary>
public sealed class SlotLayout
{
    private readonly bool _wholeMemory;
    private readonly bool _bottleneck;
    private readonly int _windowsKept;
    private readonly XlScheme _scheme;
    private readonly long _flip;

    public SlotLayout(ModelRecipe recipe)
    {
        (Tokens, Pauses, Memory) = (recipe.Window, recipe.Pause.Count, recipe.Memory.Tokens);
        (Mem, _bottleneck) = (recipe.MemTransformer.Tokens, recipe.MemTransformer.Bottleneck);
        HasRandomPauses = recipe.Pause.Random;
        _windowsKept = recipe.Xl.Scheme == XlScheme.None ? 0 : recipe.Xl.Windows;
        (_scheme, _flip) = (recipe.Xl.Scheme, recipe.Xl.Flip ?? (long)Math.Round(recipe.Rope.Theta / 2));
        _wholeMemory = recipe.Memory.Mask == MemoryMask.Rmt;
        Sinks = recipe.Xl.Scheme == XlScheme.None ? 0 : recipe.Xl.Sinks;
    }

    /// <summary>T.</summary>
    public int Tokens { get; }

    public int Pauses { get; }

    /// <summary>Whether every window has its own pause positions.</summary>
    public bool HasRandomPauses { get; }

    /// <summary>m.</summary>
    public int Memory { get; }

    /// <summary>Slots of learned vectors between the read block and the body.</summary>
    public int Mem { get; }

    /// <summary>Slots in front of the body.</summary>
    public int Lead => Memory + Mem;

    /// <summary>Token and pause slots.</summary>
    public int Body => Tokens + Pauses;

    /// <summary>S.</summary>
    public int Slots => Lead + Body + Memory;

    /// <summary>Slots of the document's beginning that are kept for good.</summary>
    public int Sinks { get; }

    /// <summary>P, the slots of past windows that are kept.</summary>
    public int Past => _windowsKept * Slots;

    /// <summary>Keys that lie in front of a window's own.</summary>
    public int Before => Sinks + Past;

    /// <summary>
    /// The first visible key for a window that has <paramref name="documentWindow"/> windows of its document before
    /// it. What does not exist — the past of a beginning document, the first window's read block — is always a prefix.
    /// </summary>
    public int FirstVisible(int documentWindow)
    {
        if (_windowsKept == 0)
        {
            return documentWindow == 0 ? Memory : 0;
        }

        // Up to then the past still holds the document's beginning, so the sinks would show it a second time.
        return documentWindow > _windowsKept ? 0 : Sinks + (_windowsKept - documentWindow) * Slots + Memory;
    }

    /// <summary>The last visible key of every slot's query.</summary>
    public int[] LastVisible() => [.. Enumerable.Range(0, Slots).Select(slot => Before + LastVisible(slot))];

    /// <summary>
    /// How far the scheme moves the rotary positions of a window's slots from those that attention knows: with its own, the
    /// window's first position; else what is added to the places of queries in the key stream. Slots of a first window's
    /// absent read block count as places.
    /// </summary>
    public long Offset(int documentWindow) => _scheme switch
    {
        XlScheme.LongNoreset => (long)documentWindow * Slots,
        XlScheme.FlipFlop => documentWindow % 2 * _flip,
        XlScheme.QueryZero => -(long)Math.Min(documentWindow, _windowsKept) * Slots - (documentWindow > _windowsKept ? Sinks : 0),
        _ => 0,
    };

    /// <summary>How many slots of a window's beginning do not exist: a document's first window has no read block.</summary>
    public int Absent(int documentWindow) => documentWindow == 0 ? Memory : 0;

    /// <summary>Places of the slots in the key stream, their rotary positions.</summary>
    public int[] Positions() => [.. Enumerable.Range(Before, Slots)];

    /// <summary>
    /// Writes the tokens that a pause stands before, in ascending order, the first 0: evenly spread, or drawn from
    /// <paramref name="seed"/> when pauses are random.
    /// </summary>
    /// <param name="before">[pauses].</param>
    public void PlacePauses(ulong seed, Span<int> before)
    {
        if (!HasRandomPauses)
        {
            for (var i = 0; i < Pauses; i++)
            {
                before[i] = (int)((long)i * Tokens / Pauses);
            }

            return;
        }

        // Selection sampling (Knuth, TAOCP 2, algorithm 3.4.2 S) of the places after the first.
        before[0] = 0;
        for (int token = 1, chosen = 1; chosen < Pauses; token++)
        {
            if (SplitMix64.Next(ref seed) % (ulong)(Tokens - token) < (ulong)(Pauses - chosen))
            {
                before[chosen++] = token;
            }
        }
    }

    /// <summary>Writes where the tokens of a window lie among the slots of all windows.</summary>
    /// <param name="pauses">Tokens that a pause stands before, ascending.</param>
    /// <param name="window">Place of the window among all.</param>
    /// <param name="rows">[T].</param>
    public void TokenRows(ReadOnlySpan<int> pauses, int window, Span<int> rows)
    {
        for (int token = 0, pause = 0; token < Tokens; token++)
        {
            pause += pause < pauses.Length && pauses[pause] == token ? 1 : 0;
            rows[token] = window * Slots + Lead + token + pause;
        }
    }

    /// <summary>Writes a window's body: its tokens, with −1 for every pause.</summary>
    /// <param name="tokens">[T].</param>
    /// <param name="pauses">Tokens that a pause stands before, ascending.</param>
    /// <param name="body">[T + pauses].</param>
    public void FillBody(ReadOnlySpan<int> tokens, ReadOnlySpan<int> pauses, Span<int> body)
    {
        for (int token = 0, pause = 0; token < Tokens; token++)
        {
            if (pause < pauses.Length && pauses[pause] == token)
            {
                body[token + pause++] = -1;
            }

            body[token + pause] = tokens[token];
        }
    }

    /// <summary>Causal, but for memory slots that see the whole of their block or window, and tokens behind a bottleneck.</summary>
    private int LastVisible(int slot) =>
        slot < Memory ? (_wholeMemory ? Memory - 1 : slot)
        : slot < Lead ? Lead - 1
        : slot < Lead + Body ? (_bottleneck ? Lead - 1 : slot)
        : _wholeMemory ? Slots - 1 : slot;
}
