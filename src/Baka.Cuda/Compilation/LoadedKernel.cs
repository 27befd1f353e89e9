using System.Text;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Compilation;

/// <summary>A kernel that can be launched.</summary>
internal sealed unsafe class LoadedKernel
{
    // What the blocks of every kernel may use without asking.
    private const int UsualSharedBytes = 48 * 1024;

    private readonly Driver _driver;
    private int _allowedBytes;

    /// <param name="module">The loaded cubin.</param>
    public LoadedKernel(Driver driver, nint module, string name)
    {
        _driver = driver;
        Name = name;
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            driver.Check(driver.ModuleGetFunction(&function, module, text), $"cuModuleGetFunction({name})");
        }

        Function = function;
        Registers = Attribute(FunctionAttribute.Registers);
        LocalBytes = Attribute(FunctionAttribute.LocalBytes);
        _allowedBytes = UsualSharedBytes - Attribute(FunctionAttribute.StaticSharedBytes);
    }

    public string Name { get; }

    /// <summary>The driver's handle.</summary>
    public nint Function { get; }

    /// <summary>Of one thread.</summary>
    public int Registers { get; }

    /// <summary>Memory of one thread for what its registers can't hold; anything but 0 is slow.</summary>
    public int LocalBytes { get; }

    /// <summary>Lets a launch give this much dynamic shared memory to a block.</summary>
    public void AllowShared(int bytes)
    {
        if (bytes > _allowedBytes)
        {
            _driver.Check(_driver.FuncSetAttribute(Function, FunctionAttribute.MaxDynamicSharedBytes, bytes), $"cuFuncSetAttribute({Name}, {bytes} bytes)");
            _allowedBytes = bytes;
        }
    }

    private int Attribute(int attribute)
    {
        int value;
        _driver.Check(_driver.FuncGetAttribute(&value, attribute, Function), "cuFuncGetAttribute");
        return value;
    }
}
