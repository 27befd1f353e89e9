using System.Runtime.InteropServices;
using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Lowering;
using Baka.Graph.Execution;

namespace Baka.Cuda.Execution;

/// <summary>
/// A plan recorded as one graph of the driver for each group of rows. A run copies the inputs from pinned memory,
/// starts the graph and returns: the host waits only when it asks for an output, or has run two evaluations ahead.
/// </summary>
public sealed class CudaProgram : IProgram
{
    // Inputs of one evaluation are filled while those of the one before are still being read.
    private const int Slots = 2;

    // Outputs up to this size are brought to the host by every run, larger ones when they are asked for.
    private const long EagerBytes = 4096;

    private readonly CudaDevice _device;
    private readonly LoweredPlan _lowered;
    private readonly StorageLayout _inputs;
    private readonly StorageLayout _outputs;
    private readonly StorageLayout _constants;
    private readonly DeviceMemory _own;
    private readonly byte[] _staging;
    private readonly PinnedMemory _pinned;
    private readonly CudaEvent[] _copied;
    private readonly PinnedMemory _results;
    private readonly bool _changesParameters;
    private readonly long _eagerBytes;
    private readonly ExecutableGraph?[] _graphs;
    private ExecutableGraph? _preparation;
    private int _recordedFor = -1;
    private int _slot;
    private bool _isRunning;

    internal CudaProgram(CudaDevice device, LoweredPlan lowered)
    {
        (_device, _lowered) = (device, lowered);
        var context = device.Context;
        var layout = new ProgramLayout(Plan);
        (_inputs, _outputs, _constants) = (layout.Inputs, layout.Outputs, layout.Constants);
        _own = new DeviceMemory(context, layout.Bytes);
        _staging = new byte[_inputs.Bytes];
        _pinned = new PinnedMemory(context, Slots * _inputs.Bytes);
        _copied = [.. Enumerable.Range(0, Slots).Select(_ => new CudaEvent(context))];
        _results = new PinnedMemory(context, _outputs.Bytes);
        _graphs = new ExecutableGraph?[lowered.Groups];
        _changesParameters = lowered.Plan.Steps.SelectMany(s => s.Outputs).Any(v => v.Storage.Root.IsParameter);
        _eagerBytes = Plan.Outputs.Values.Where(o => o.Bytes <= EagerBytes).Select(o => _outputs.OffsetOf(o) + o.Bytes).DefaultIfEmpty().Max();
        WriteConstants();
    }

    public Plan Plan => _lowered.Plan;

    /// <summary>Bytes on the GPU for inputs, outputs and constants.</summary>
    public long OwnBytes => _own.Bytes;

    public Span<int> Ints(string input) => MemoryMarshal.Cast<byte, int>(Staged(input));

    public Span<float> Floats(string input) => MemoryMarshal.Cast<byte, float>(Staged(input));

    public void Run(int group = 0)
    {
        _device.Context.MakeCurrent();
        Record(group);
        PrepareWeights();
        _device.PoisonMemory();
        CopyInputs();
        _graphs[group]!.Launch(_device.Stream);
        CopyResults();
        if (_changesParameters)
        {
            _device.MarkParametersChanged(Plan.Refreshed);
        }
    }

    public ReadOnlySpan<float> Output(string name)
    {
        _device.Context.MakeCurrent();
        var storage = Plan.Outputs[name];
        var offset = _outputs.OffsetOf(storage);
        if (storage.Bytes > EagerBytes)
        {
            _device.Stream.CopyToHost(_results.Address + (nint)offset, AddressOf(storage), storage.Bytes);
            _isRunning = true;
        }

        if (_isRunning)
        {
            _device.Stream.Synchronize();
            _isRunning = false;
        }

        return _results.AsSpan<float>().Slice((int)(offset / sizeof(float)), (int)storage.Count);
    }

    public void Dispose()
    {
        _device.Context.MakeCurrent();
        _device.Stream.Synchronize();
        DisposeGraphs();
        _own.Dispose();
        _pinned.Dispose();
        _results.Dispose();
        foreach (var moment in _copied)
        {
            moment.Dispose();
        }

        _device.Forget(this);
    }

    /// <summary>Runs one operation after the other and takes the time of each, as the median of some repetitions.</summary>
    /// <remarks>Variables change as if the program had run that many times.</remarks>
    public IReadOnlyList<StepTime> Measure(int repetitions)
    {
        _device.Context.MakeCurrent();
        Record(0);
        PrepareWeights();
        var works = Works();
        var operations = works.SelectMany(w => w.Operations).ToArray();
        var times = new float[operations.Length][];
        using var timer = new OperationTimer(_device.Context, operations.Length);
        for (var run = 0; run < repetitions; run++)
        {
            CopyInputs();
            timer.Start(_device.Stream);
            for (var i = 0; i < operations.Length; i++)
            {
                _device.Recorder.Put(operations[i], v => Address(v, 0));
                timer.Mark(i, _device.Stream);
            }

            _device.Stream.Synchronize();
            for (var i = 0; i < operations.Length; i++)
            {
                times[i] ??= new float[repetitions];
                times[i][run] = timer.Milliseconds(i);
            }
        }

        _device.MarkParametersChanged([]);
        var next = 0;
        return
        [
            .. works.Select(work =>
            {
                var medians = times.Skip(next).Take(work.Operations.Count).Sum(t => t.Order().ElementAt(repetitions / 2));
                next += work.Operations.Count;
                return new StepTime(work.Kind, work.Module, work.Flops, work.Bytes, work.Operations.Count, medians);
            }),
        ];
    }

    /// <summary>What brings weights up to date where parameters have changed and their update has not done so, then the steps.</summary>
    private List<Work> Works() =>
    [
        .. _lowered.Preparations.Where(p => !_device.IsRefreshed(p.Key)).Select(p => new Work("Copy", "weights", 0, p.Key.Steps.Sum(s => s.Bytes), p.Value)),
        .. _lowered.Steps.Select(s => new Work(s.Steps[0].Kind, s.Steps[0].Module, s.Steps.Sum(step => step.Flops), s.Steps.Sum(step => step.Bytes), s.Operations)),
    ];

    private Span<byte> Staged(string input)
    {
        var storage = Plan.Inputs[input];
        return _staging.AsSpan((int)_inputs.OffsetOf(storage), (int)storage.Bytes);
    }

    private void WriteConstants()
    {
        using var buffer = new PinnedMemory(_device.Context, _constants.Bytes);
        foreach (var constant in Plan.Constants)
        {
            constant.Bits.AsSpan().CopyTo(buffer.AsSpan<int>()[(int)(_constants.OffsetOf(constant) / sizeof(int))..]);
        }

        _device.Stream.CopyToDevice(_own.Address + (ulong)(_inputs.Bytes + _outputs.Bytes), buffer.Address, _constants.Bytes);
        _device.Stream.Synchronize();
    }

    private void CopyInputs()
    {
        if (_inputs.Bytes == 0)
        {
            return;
        }

        _slot = (_slot + 1) % Slots;
        _copied[_slot].Synchronize();
        var start = (int)(_slot * _inputs.Bytes);
        _staging.CopyTo(_pinned.AsSpan<byte>()[start..]);
        _device.Stream.CopyToDevice(_own.Address, _pinned.Address + start, _inputs.Bytes);
        _copied[_slot].Record(_device.Stream);
    }

    private void CopyResults()
    {
        if (_eagerBytes > 0)
        {
            _device.Stream.CopyToHost(_results.Address, _own.Address + (ulong)_inputs.Bytes, _eagerBytes);
        }

        _isRunning = true;
    }

    private void PrepareWeights()
    {
        var stale = Plan.Prepared.Where(_device.ClaimStale).ToArray();
        if (stale.Length == 0)
        {
            return;
        }

        // All of them almost always: only then a recording is worth while.
        if (stale.Length < Plan.Prepared.Count)
        {
            Put(stale);
            return;
        }

        _preparation ??= _device.Stream.Capture(() => Put(stale));
        _preparation.Launch(_device.Stream);
    }

    private void Put(IEnumerable<PreparedWeight> weights)
    {
        foreach (var operation in weights.SelectMany(w => _lowered.Preparations[w]))
        {
            _device.Recorder.Put(operation, v => Address(v, 0));
        }
    }

    private void Record(int group)
    {
        if (_recordedFor != _device.MemoryVersion)
        {
            DisposeGraphs();
            _recordedFor = _device.MemoryVersion;
        }

        _graphs[group] ??= _device.Stream.Capture(() =>
        {
            foreach (var operation in _lowered.Steps.SelectMany(s => s.Operations))
            {
                _device.Recorder.Put(operation, v => Address(v, group));
            }
        });
    }

    private void DisposeGraphs()
    {
        _preparation?.Dispose();
        _preparation = null;
        for (var i = 0; i < _graphs.Length; i++)
        {
            _graphs[i]?.Dispose();
            _graphs[i] = null;
        }
    }

    private ulong Address(View view, int group)
    {
        var storage = view.Storage.Root;
        var start = storage.Kind switch
        {
            StorageKind.Arena or StorageKind.Scratch => _device.Arena.Address + (ulong)storage.Offset,
            StorageKind.Variable => _device.VariableAddress(storage) + (storage.IsCarried ? (ulong)(group * storage.Bytes / _lowered.Groups) : 0),
            StorageKind.Prepared => _device.WeightAddress(storage),
            _ => AddressOf(storage),
        };
        return start + (ulong)(view.Offset * storage.Type.Bytes);
    }

    private ulong AddressOf(Storage storage)
    {
        var offset = storage.Kind switch
        {
            StorageKind.Input => _inputs.OffsetOf(storage),
            StorageKind.Output => _inputs.Bytes + _outputs.OffsetOf(storage),
            _ => _inputs.Bytes + _outputs.Bytes + _constants.OffsetOf(storage),
        };
        return _own.Address + (ulong)offset;
    }

    private sealed record Work(string Kind, string Module, long Flops, long Bytes, IReadOnlyList<Operation> Operations);
}

/// <summary>How long a GPU takes for a step of a plan.</summary>
/// <param name="Kind">Of its op.</param>
/// <param name="Bytes">That have to move at least.</param>
/// <param name="Launches">Kernels and products.</param>
/// <param name="Milliseconds">Each launch by itself, with the pauses between launches that a recorded program has not.</param>
public sealed record StepTime(string Kind, string Module, long Flops, long Bytes, int Launches, double Milliseconds);
