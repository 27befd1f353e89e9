namespace Baka.Training.Evaluation.Probing;

/// <summary>Adds up the losses of windows that were read with each memory, by place in the window and by distance.</summary>
internal sealed class ProbeMeter
{
    private const int Parts = 8;

    /// <summary>Largest distance of each class, and what it is called.</summary>
    private static readonly (int Most, string Name)[] Distances =
    [
        (0, "tokens last read in this window"),
        (1, "tokens last read 1 window ago"),
        (4, "tokens last read 2 – 4 windows ago"),
        (16, "tokens last read 5 – 16 windows ago"),
        (TokenDistance.Never - 1, "tokens last read longer ago"),
        (TokenDistance.Never, "tokens never read before"),
    ];

    private readonly int _window;
    private readonly Bin _all = new("all tokens");
    private readonly Bin[] _byPosition;
    private readonly Bin[] _byDistance = [.. Distances.Select(distance => new Bin(distance.Name))];
    private readonly Bin[] _bins;
    private long _windows;

    /// <param name="window">T.</param>
    public ProbeMeter(int window)
    {
        _window = window;
        _byPosition = [.. Enumerable.Range(0, Parts).Select(part => new Bin(PartName(part)))];
        _bins = [_all, .. _byPosition, .. _byDistance];
    }

    /// <summary>Adds a token of the window that <see cref="EndWindow"/> ends.</summary>
    /// <param name="place">In the window.</param>
    /// <param name="distance">In windows, as <see cref="TokenDistance"/> has it.</param>
    /// <param name="loss">With the memory as it is.</param>
    /// <param name="others">[conditions]: with other memories.</param>
    public void Add(int place, int distance, double loss, ReadOnlySpan<double> others)
    {
        var ago = 0;
        while (distance > Distances[ago].Most)
        {
            ago++;
        }

        _all.Add(loss, others);
        _byPosition[place * Parts / _window].Add(loss, others);
        _byDistance[ago].Add(loss, others);
    }

    public void EndWindow()
    {
        _windows++;
        foreach (var bin in _bins)
        {
            bin.EndWindow();
        }
    }

    /// <param name="documents">That were read.</param>
    public ProbeReport Report(int documents) => new(documents, _windows, _all.Result(), Results(_byPosition), Results(_byDistance));

    private static List<ProbedTokens> Results(Bin[] bins) => [.. bins.Where(bin => bin.Tokens > 0).Select(bin => bin.Result())];

    private string PartName(int part)
    {
        // The places p with ⌊p · Parts / T⌋ = part.
        var (first, next) = (First(part), First(part + 1));
        return next - first == 1 ? $"token {next} of a window" : $"tokens {first + 1} – {next} of a window";

        int First(int p) => (p * _window + Parts - 1) / Parts;
    }

    private sealed class Bin(string name)
    {
        private static readonly MemoryCondition[] Conditions = Enum.GetValues<MemoryCondition>();

        private readonly PairedMean[] _rises = new PairedMean[Conditions.Length];
        private readonly double[] _ofWindow = new double[Conditions.Length];
        private int _tokensOfWindow;
        private double _loss;

        public long Tokens { get; private set; }

        public void Add(double loss, ReadOnlySpan<double> others)
        {
            _loss += loss;
            Tokens++;
            _tokensOfWindow++;
            for (var i = 0; i < others.Length; i++)
            {
                _ofWindow[i] += others[i] - loss;
            }
        }

        public void EndWindow()
        {
            if (_tokensOfWindow == 0)
            {
                return;
            }

            for (var i = 0; i < _rises.Length; i++)
            {
                _rises[i].Add(_ofWindow[i], _tokensOfWindow);
            }

            Array.Clear(_ofWindow);
            _tokensOfWindow = 0;
        }

        public ProbedTokens Result() => new(name, Tokens, _loss / Tokens, Conditions.ToDictionary(c => c, c => _rises[(int)c].Result()));
    }
}
