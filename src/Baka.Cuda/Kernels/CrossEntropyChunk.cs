using Baka.Compiler.Plans;

namespace Baka.Cuda.Kernels;

/// <summary>Some rows of a linear layer with cross-entropy.</summary>
/// <param name="X">[n, d], of the element of the vocabulary [V, d].</param>
/// <param name="Targets">i32 [n].</param>
/// <param name="Nll">[n].</param>
/// <param name="Other">[n]: the upstream gradient, which is read, or else whether targets are the argmax, which is written instead of gradients.</param>
/// <param name="Logits">[n, V], memory for them and for what takes their place.</param>
/// <param name="Dx">[n, d]; null where it is not wanted.</param>
/// <param name="Dw">[V, d]; null where it is not wanted.</param>
/// <param name="Adds">Whether dw is added to what is there.</param>
internal sealed record CrossEntropyChunk(View X, View Targets, View Nll, View Other, View Logits, View? Dx, View? Dw, bool Adds);
