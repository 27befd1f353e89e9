using Baka.Compiler.Plans;
using Baka.Graph.Execution;

namespace Baka.Cpu.Execution;

/// <summary>A plan bound to memory. A run walks a list of prepared kernels: it allocates nothing and starts no thread.</summary>
public sealed class CpuProgram : IProgram
{
    private readonly CpuDevice _device;
    private readonly Dictionary<Storage, NativeBuffer> _own = [];
    private readonly int _groups;
    private Action[][] _launches = [];
    private int _boundTo = -1;

    internal CpuProgram(CpuDevice device, Plan plan, int groups)
    {
        _device = device;
        _groups = groups;
        Plan = plan;
        foreach (var storage in plan.Inputs.Values.Concat(plan.Outputs.Values).Concat(plan.Constants))
        {
            var buffer = new NativeBuffer(storage.Count);
            buffer.Fill(0);
            storage.Bits.AsSpan().CopyTo(buffer.Ints);
            _own[storage] = buffer;
        }
    }

    public Plan Plan { get; }

    public Span<int> Ints(string input) => _own[Plan.Inputs[input]].Ints;

    public Span<float> Floats(string input) => _own[Plan.Inputs[input]].Floats;

    public ReadOnlySpan<float> Output(string name) => _own[Plan.Outputs[name]].Floats;

    /// <summary>Makes the kernels now rather than at the first run.</summary>
    public void Prepare() => Bind();

    public void Run(int group = 0)
    {
        Bind();
        _device.PrepareArena();
        foreach (var launch in _launches[group])
        {
            launch();
        }
    }

    public void Dispose()
    {
        foreach (var buffer in _own.Values)
        {
            buffer.Dispose();
        }
    }

    internal nint Address(View view, int group)
    {
        var storage = view.Storage.Root;
        var start = storage.Kind switch
        {
            StorageKind.Arena => _device.ArenaAddress + (nint)storage.Offset,
            StorageKind.Variable => _device.VariableAddress(storage) + (storage.IsCarried ? (nint)(group * storage.Bytes / _groups) : 0),
            _ => _own[storage].Address,
        };
        return start + 4 * (nint)view.Offset;
    }

    private void Bind()
    {
        if (_boundTo == _device.ArenaVersion)
        {
            return;
        }

        _launches = [.. Enumerable.Range(0, _groups).Select(BindGroup)];
        _boundTo = _device.ArenaVersion;
    }

    private Action[] BindGroup(int group)
    {
        var binder = new StepBinder(this, _device, group);
        return [.. Plan.Steps.Select(binder.Bind)];
    }
}
