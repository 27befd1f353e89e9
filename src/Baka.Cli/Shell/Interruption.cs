using System.Runtime.InteropServices;

namespace Baka.Cli.Shell;

/// <summary>The first Ctrl-C (or a request to terminate) asks to stop at the next good place, the second ends the program.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<string> _announce;

    /// <param name="announce">Tells the user that the first one has arrived.</param>
    public Interruption(Action<string> announce)
    {
        _announce = announce;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
            return;
        context.Cancel = true;
        _announce("Stopping at the next good place; Ctrl-C again ends at once.");
        _source.Cancel();
    }
}
