namespace Baka.Cpu.Kernels;

/// <summary>What a short causal convolution and its gradient have in common: their inputs and the sums z that SiLU is taken of.</summary>
public abstract unsafe class ConvolutionKernel(ConvolutionShape shape) : Kernel
{
    /// <summary>x: [B, T, c].</summary>
    public Rows Input { get; set; }

    /// <summary>[B, T]: ≠ 0 where nothing lies before.</summary>
    public float* Begins { get; set; }

    /// <summary>[B, k − 1, c]: before the first slot.</summary>
    public float* Tail { get; set; }

    /// <summary>w: [k, c], oldest first.</summary>
    public float* Weight { get; set; }

    /// <summary>[c].</summary>
    public float* Bias { get; set; }

    private protected ConvolutionShape Shape => shape;

    /// <summary>How many slots back slot t reaches, the one before it so many.</summary>
    private protected int Reach(int row, int t, int before) => Begins[(nint)row * shape.Slots + t] != 0 ? 0 : Math.Min(shape.Tail, before + 1);

    /// <summary>z_t of some channels.</summary>
    private protected void Sum<S, V>(int row, int t, int reach, int first, int width, float* z)
        where S : struct, ISimd<V>
        where V : struct
    {
        new Span<float>(Bias + first, width).CopyTo(new Span<float>(z, width));
        for (var back = 0; back <= reach; back++)
        {
            AddProduct<S, V>(Weight + (nint)(shape.Tail - back) * shape.Channels + first, At(row, t - back) + first, z, width);
        }
    }

    /// <summary>The inputs of a slot, of the tail below 0.</summary>
    private protected float* At(int row, int slot) => slot >= 0 ? Input.At(row, slot) : Tail + TailRow(row, slot);

    /// <summary>Where a slot before the first lies in a tail.</summary>
    private protected nint TailRow(int row, int slot) => ((nint)row * shape.Tail + shape.Tail + slot) * shape.Channels;

    /// <summary>y += a ⊙ b.</summary>
    private static void AddProduct<S, V>(float* a, float* b, float* y, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            S.Store(S.MultiplyAdd(S.Load(a + i), S.Load(b + i), S.Load(y + i)), y + i);
        }

        for (; i < width; i++)
        {
            y[i] += a[i] * b[i];
        }
    }
}
