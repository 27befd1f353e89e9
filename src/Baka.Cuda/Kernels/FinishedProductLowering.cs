using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Products that go on with an elementwise program: one kernel where operands lie as it needs them, else several.</summary>
internal static class FinishedProductLowering
{
    public static IReadOnlyList<Operation> Lower(FinishedProduct op, Step step, LoweringContext context)
    {
        var (a, b) = (step.Inputs[0], step.Inputs.Skip(1).Take(op.Products).Select(view => op.TransposeB ? view : view.Permute([1, 0])).ToArray());
        View[] others = [.. step.Inputs.Skip(1 + op.Products)];
        var product = new ProductHopper(a, b) { Inputs = others, Outputs = step.Outputs };
        return product.Fits(context.Device)
            ? [product.Launch(ElementwiseLowering.Statements(op.Program), [.. Enumerable.Range(0, op.Kept).Select(i => $"a{i}"), .. op.Program.Results.Select(r => $"r{r}")], context)]
            : Apart(op, step, others, context);
    }

    /// <summary>y = W [x_{t−n+1}; …; x_t] as one product whose left rows overlap.</summary>
    public static IReadOnlyList<Operation> Lower(StepLinear op, Step step, LoweringContext context)
    {
        var operations = new List<Operation>();
        View Narrow(View view)
        {
            var (converted, conversion) = ConversionLowering.To(view, Element.BFloat16, context);
            operations.AddRange(conversion);
            return converted;
        }

        var shape = step.Inputs[0].Shape;
        var rows = Narrow(step.Inputs[0]).Reshape(new Shape(shape[0] * shape[1], shape[2]))!;
        var product = new ProductHopper(rows, [Narrow(step.Inputs[1])]) { Steps = op.Width, Outputs = step.Outputs };
        operations.Add(product.Fits(context.Device)
            ? product.Launch([], [$"row % {shape[1]} < {op.Width - 1} ? 0.0f : a0"], context)
            : throw new NotSupportedException($"{step.Module}: the GPU has no kernel for steps of {shape}."));
        return operations;
    }

    private static List<Operation> Apart(FinishedProduct op, Step step, View[] others, LoweringContext context)
    {
        var operations = new List<Operation>();
        var products = new List<View>();
        for (var i = 0; i < op.Products; i++)
        {
            var (a, b) = (step.Inputs[0], step.Inputs[1 + i]);
            var n = b.Shape[op.TransposeB ? 0 : 1];
            products.Add(op.Keeps ? step.Outputs[i] : context.Scratch(step.Outputs[0].Storage.Type, a.Shape[0], n));
            operations.AddRange(ProductLowering.Lower(a, false, b, op.TransposeB, null, products[i], context));
        }

        var program = new Step(op.Program, step.Module, [.. products, .. others], [.. step.Outputs.Skip(op.Kept)]);
        operations.AddRange(ElementwiseLowering.Lower(op.Program, program, context));
        return operations;
    }
}
