using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Baka.Compiler.Fusion;
using Baka.Cpu.Kernels;
using Baka.Graph.Ops;

namespace Baka.Cpu.Elementwise;

/// <summary>
/// A fused program over rows: operand k of row r begins at <c>operands[k] + r · strides[k]</c>, and
/// <paramref name="count"/>, the length of a row, is a multiple of the vector's.
/// </summary>
internal unsafe delegate void FusedLoop(float** operands, long* strides, long rows, long count);

/// <summary>
/// Turns a fused program into machine code: one loop with every intermediate value in a register, at the widest
/// vectors the machine has.
/// </summary>
internal sealed class FusedEmitter
{
    private readonly FusedElementwise _program;
    private readonly int _inputs;
    private readonly bool[] _isConstantInRow;
    private readonly int _width;
    private readonly Type _vectors;
    private readonly Type _vector;
    private readonly Type _functions;
    private readonly ILGenerator _il;
    private readonly DynamicMethod _method;
    private readonly Dictionary<float, LocalBuilder> _immediates = [];
    private readonly LocalBuilder?[] _loaded;
    private readonly LocalBuilder[] _pointers;
    private readonly LocalBuilder[] _registers;

    private FusedEmitter(FusedElementwise program, int inputs, bool[] isConstantInRow, int vectorBits)
    {
        _program = program;
        _inputs = inputs;
        _isConstantInRow = isConstantInRow;
        _width = vectorBits / 32;
        (_vectors, _vector, _functions) = vectorBits switch
        {
            512 => (typeof(Vector512), typeof(Vector512<float>), typeof(VectorFunctions<Simd512, Vector512<float>>)),
            256 => (typeof(Vector256), typeof(Vector256<float>), typeof(VectorFunctions<Simd256, Vector256<float>>)),
            _ => (typeof(Vector128), typeof(Vector128<float>), typeof(VectorFunctions<Simd128, Vector128<float>>)),
        };
        _method = new DynamicMethod("Fused", typeof(void), [typeof(float**), typeof(long*), typeof(long), typeof(long)], typeof(FusedEmitter).Module, skipVisibility: true);
        _il = _method.GetILGenerator();
        _loaded = new LocalBuilder?[inputs];
        _pointers = [.. Enumerable.Range(0, inputs + program.Results.Length).Select(_ => _il.DeclareLocal(typeof(float*)))];
        _registers = [.. program.Program.Select(_ => _il.DeclareLocal(_vector))];
    }

    /// <param name="program">What to compute.</param>
    /// <param name="inputs">Number of inputs; operands after them are the results.</param>
    /// <param name="isConstantInRow">For each input, whether it is one value all along a row.</param>
    /// <param name="vectorBits">128, 256 or 512.</param>
    public static FusedLoop Emit(FusedElementwise program, int inputs, bool[] isConstantInRow, int vectorBits) =>
        new FusedEmitter(program, inputs, isConstantInRow, vectorBits).Emit();

    private unsafe FusedLoop Emit()
    {
        foreach (var value in _program.Program.SelectMany(i => i.Operands).Where(o => o.Kind == OperandKind.Immediate).Select(o => o.Value).Append(0f))
        {
            if (!_immediates.ContainsKey(value))
            {
                _immediates[value] = _il.DeclareLocal(_vector);
                _il.Emit(OpCodes.Ldc_R4, value);
                Call("Create", typeof(float));
                _il.Emit(OpCodes.Stloc, _immediates[value]);
            }
        }

        var row = _il.DeclareLocal(typeof(long));
        Loop(row, OpCodes.Ldarg_2, 1, () =>
        {
            EmitRowStart(row);
            var at = _il.DeclareLocal(typeof(long));
            Loop(at, OpCodes.Ldarg_3, _width, () => EmitBody(at));
        });
        _il.Emit(OpCodes.Ret);
        var loop = _method.CreateDelegate<FusedLoop>();

        // No rows: the code is compiled now, while the program is prepared, and not in the middle of its first run.
        loop(null, null, 0, 0);
        return loop;
    }

    private void Loop(LocalBuilder index, OpCode limit, int step, Action body)
    {
        var (test, start) = (_il.DefineLabel(), _il.DefineLabel());
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Stloc, index);
        _il.Emit(OpCodes.Br, test);
        _il.MarkLabel(start);
        body();
        _il.Emit(OpCodes.Ldloc, index);
        _il.Emit(OpCodes.Ldc_I4, step);
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, index);
        _il.MarkLabel(test);
        _il.Emit(OpCodes.Ldloc, index);
        _il.Emit(limit);
        _il.Emit(OpCodes.Blt, start);
    }

    /// <summary>pointer_k = operands[k] + row · strides[k], and the values that are constant in the row.</summary>
    private void EmitRowStart(LocalBuilder row)
    {
        for (var k = 0; k < _pointers.Length; k++)
        {
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldc_I4, k * sizeof(long));
            _il.Emit(OpCodes.Add);
            _il.Emit(OpCodes.Ldind_I);
            _il.Emit(OpCodes.Ldloc, row);
            _il.Emit(OpCodes.Ldarg_1);
            _il.Emit(OpCodes.Ldc_I4, k * sizeof(long));
            _il.Emit(OpCodes.Add);
            _il.Emit(OpCodes.Ldind_I8);
            _il.Emit(OpCodes.Mul);
            EmitScaledAdd();
            _il.Emit(OpCodes.Stloc, _pointers[k]);
            if (k < _inputs && _isConstantInRow[k])
            {
                _loaded[k] = _il.DeclareLocal(_vector);
                _il.Emit(OpCodes.Ldloc, _pointers[k]);
                _il.Emit(OpCodes.Ldind_R4);
                Call("Create", typeof(float));
                _il.Emit(OpCodes.Stloc, _loaded[k]!);
            }
        }
    }

    /// <summary>pointer + index (a long on the stack) as an address of floats.</summary>
    private void EmitScaledAdd()
    {
        _il.Emit(OpCodes.Ldc_I4_4);
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Add);
    }

    private void EmitBody(LocalBuilder at)
    {
        for (var k = 0; k < _inputs; k++)
        {
            if (!_isConstantInRow[k])
            {
                _loaded[k] = _il.DeclareLocal(_vector);
                EmitAddress(k, at);
                Call("Load", typeof(float*));
                _il.Emit(OpCodes.Stloc, _loaded[k]!);
            }
        }

        for (var i = 0; i < _registers.Length; i++)
        {
            EmitInstruction(_program.Program[i]);
            _il.Emit(OpCodes.Stloc, _registers[i]);
        }

        for (var k = 0; k < _program.Results.Length; k++)
        {
            _il.Emit(OpCodes.Ldloc, _registers[_program.Results[k]]);
            EmitAddress(_inputs + k, at);
            Call("Store", _vector, typeof(float*));
        }
    }

    private void EmitAddress(int operand, LocalBuilder at)
    {
        _il.Emit(OpCodes.Ldloc, _pointers[operand]);
        _il.Emit(OpCodes.Ldloc, at);
        EmitScaledAdd();
    }

    private void EmitInstruction(Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Select:
                // A condition of 0 takes the second value; ConditionalSelect takes its first where the mask is set.
                Push(instruction.Operands[0]);
                _il.Emit(OpCodes.Ldloc, _immediates[0]);
                Call("Equals", _vector, _vector);
                Push(instruction.Operands[2]);
                Push(instruction.Operands[1]);
                Call("ConditionalSelect", _vector, _vector, _vector);
                break;
            case Unary unary:
                EmitUnary(unary.Function, instruction.Operands[0]);
                break;
            case Binary binary:
                Push(instruction.Operands[0]);
                Push(instruction.Operands[1]);
                if (binary.Function == BinaryFunction.Less)
                {
                    CallFunction("Less");
                }
                else
                {
                    Call(binary.Function == BinaryFunction.Maximum ? "Max" : binary.Function.ToString(), _vector, _vector);
                }

                break;
            default:
                throw new NotSupportedException($"{instruction.Op.Kind} has no vector code.");
        }
    }

    private void EmitUnary(UnaryFunction function, Operand operand)
    {
        if (function == UnaryFunction.Reciprocal)
        {
            Push(Operand.Immediate(1));
            Push(operand);
            Call("Divide", _vector, _vector);
            return;
        }

        Push(operand);
        switch (function)
        {
            case UnaryFunction.Negate or UnaryFunction.Sqrt or UnaryFunction.Abs or UnaryFunction.Log:
                Call(function.ToString(), _vector);
                break;
            default:
                CallFunction(function.ToString());
                break;
        }
    }

    private void Push(Operand operand)
    {
        if (operand.Kind == OperandKind.Immediate && !_immediates.ContainsKey(operand.Value))
        {
            _il.Emit(OpCodes.Ldc_R4, operand.Value);
            Call("Create", typeof(float));
            return;
        }

        _il.Emit(OpCodes.Ldloc, operand.Kind switch
        {
            OperandKind.Input => _loaded[operand.Index]!,
            OperandKind.Register => _registers[operand.Index],
            _ => _immediates[operand.Value],
        });
    }

    private void CallFunction(string name) => _il.Emit(OpCodes.Call, _functions.GetMethod(name) ?? throw new NotSupportedException($"{name} has no vector code."));

    /// <summary>A static method of the vector class, generic over the element or not.</summary>
    private void Call(string name, params Type[] parameters)
    {
        var method = _vectors.GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(m => m.Name == name && m.GetParameters().Length == parameters.Length)
            .Select(m => m.IsGenericMethodDefinition ? OfFloat(m) : m)
            .FirstOrDefault(m => m is not null && m.GetParameters().Select(p => p.ParameterType).SequenceEqual(parameters))
            ?? throw new MissingMethodException(_vectors.Name, name);
        _il.Emit(OpCodes.Call, method);
    }

    private static MethodInfo? OfFloat(MethodInfo method) =>
        method.GetGenericArguments().Length == 1 ? method.MakeGenericMethod(typeof(float)) : null;
}
