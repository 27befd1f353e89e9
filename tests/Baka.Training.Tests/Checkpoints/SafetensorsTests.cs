using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Baka.Data;
using Baka.Training.Checkpoints;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_bytes_are_those_of_the_published_format()
    {
        var path = Write([new TensorSource("a", [1, 2], new float[] { 1, -2 }), new TensorSource("n", [], () => new[] { 258 })]);
        const string Json = """{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"n":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}""";
        var header = Encoding.UTF8.GetBytes(Json.PadRight((Json.Length + 7) / 8 * 8));
        byte[] expected = [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 2, 1, 0, 0];
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    [Fact]
    public void Data_begin_at_a_multiple_of_eight_whatever_the_names()
    {
        for (var length = 1; length < 20; length++)
        {
            var bytes = File.ReadAllBytes(Write([new TensorSource(new string('x', length), [1], new float[1])]));
            Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(bytes) % 8);
        }
    }

    [Fact]
    public void What_is_written_is_read_again_to_the_bit()
    {
        var random = new Random(2);
        var floats = new float[3 * 700_001];
        random.NextBytes(MemoryMarshal.AsBytes(floats.AsSpan()));
        var ints = new[] { int.MinValue, -1, 0, int.MaxValue };
        var path = Write(
            [
                new TensorSource("layers.0.attn.q.weight", [3, 700_001], floats),
                new TensorSource("empty", [0, 5], Array.Empty<float>()),
                new TensorSource("Gewicht \"ä\" \\ 重み", [2, 2], () => ints),
                new TensorSource("scalar", [], new float[] { float.NaN }),
            ],
            new Dictionary<string, string> { ["format"] = "baka", ["quote"] = "\"" });

        using var reader = SafetensorsReader.Open(path);
        Assert.Equal(["layers.0.attn.q.weight", "empty", "Gewicht \"ä\" \\ 重み", "scalar"], reader.Tensors.Keys);
        Assert.Equal([3, 700_001], reader.Find("layers.0.attn.q.weight").Shape);
        Assert.Equal("\"", reader.Metadata["quote"]);
        var readFloats = new float[floats.Length];
        reader.Read("layers.0.attn.q.weight", readFloats);
        Assert.True(MemoryMarshal.AsBytes<float>(floats).SequenceEqual(MemoryMarshal.AsBytes<float>(readFloats)));
        var readInts = new int[4];
        reader.Read("Gewicht \"ä\" \\ 重み", readInts);
        Assert.Equal(ints, readInts);
        reader.Read("empty", Array.Empty<float>());
        var scalar = new float[1];
        reader.Read("scalar", scalar);
        Assert.True(float.IsNaN(scalar[0]));
    }

    [Fact]
    public void Values_are_asked_for_one_tensor_after_the_other()
    {
        var scratch = new float[2];
        TensorSource Filling(string name, float value) => new(name, [2], () =>
        {
            scratch.AsSpan().Fill(value);
            return scratch;
        });
        using var reader = SafetensorsReader.Open(Write([Filling("a", 1), Filling("b", 2)]));
        var values = new float[2];
        reader.Read("a", values);
        Assert.Equal([1, 1], values);
        reader.Read("b", values);
        Assert.Equal([2, 2], values);
    }

    [Fact]
    public void Half_precision_is_widened()
    {
        // More values than one piece of the conversion.
        const int Count = 300_000;
        var halves = new Half[Count];
        var brains = new ushort[Count];
        for (var i = 0; i < Count; i++)
        {
            halves[i] = BitConverter.UInt16BitsToHalf((ushort)i);
            brains[i] = (ushort)(i * 7);
        }

        var path = Raw(
            $$"""{"h":{"dtype":"F16","shape":[{{Count}}],"data_offsets":[0,{{2 * Count}}]},"b":{"dtype":"BF16","shape":[{{Count}}],"data_offsets":[{{2 * Count}},{{4 * Count}}]} }""",
            [.. MemoryMarshal.AsBytes<Half>(halves), .. MemoryMarshal.AsBytes<ushort>(brains)]);
        using var reader = SafetensorsReader.Open(path);
        var values = new float[Count];
        reader.Read("h", values);
        Assert.Equal(halves.Select(h => (float)h), values);
        reader.Read("b", values);
        Assert.Equal(brains.Select(b => BitConverter.Int32BitsToSingle(b << 16)), values);
    }

    [Fact]
    public void Long_integers_are_narrowed_where_they_fit_and_refused_where_not()
    {
        var path = Raw(
            """{"ok":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"big":{"dtype":"I64","shape":[1],"data_offsets":[16,24]}}""",
            MemoryMarshal.AsBytes<long>(new long[] { -5, int.MaxValue, 1L << 31 }).ToArray());
        using var reader = SafetensorsReader.Open(path);
        var values = new int[2];
        reader.Read("ok", values);
        Assert.Equal([-5, int.MaxValue], values);
        AssertRefused(() => reader.Read("big", new int[1]), "'big'", "32 bits");
    }

    [Fact]
    public void A_tensor_of_another_kind_size_or_name_is_refused()
    {
        using var reader = SafetensorsReader.Open(Write([new TensorSource("f", [2], new float[2]), new TensorSource("i", [1], () => new int[1])]));
        AssertRefused(() => reader.Read("f", new int[2]), "'f'", "F32");
        AssertRefused(() => reader.Read("i", new float[1]), "'i'", "I32");
        AssertRefused(() => reader.Read("f", new float[3]), "'f'", "[2]");
        AssertRefused(() => reader.Read("g", new float[3]), "'g'");
    }

    [Theory]
    [InlineData("""[]""", "JSON object")]
    [InlineData("""{"a":""", "not valid JSON")]
    [InlineData("", "not valid JSON")]
    [InlineData("""{"\ud800":1}""", "not valid JSON")]
    [InlineData("""{"a":7}""", "'a'")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", "'a' has no proper dtype")]
    [InlineData("""{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}""", "'a' has no proper dtype")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", "'a' has no proper shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", "'a' has no proper data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", "'a' has no proper shape")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", "'a'", "'F8_E4M3'")]
    [InlineData("""{"a":{"dtype":"0","shape":[1],"data_offsets":[0,4]}}""", "'a'", "dtype '0'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "'a'", "shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "'a'", "shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "'a'", "shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,4]}}""", "'a'", "shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", "'a'", "4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "'a'", "4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "'a'", "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2,4]}}""", "'a'", "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a'", "beyond the end")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", "'a'", "beyond the end")]
    [InlineData("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"F16","shape":[1],"data_offsets":[1,3]}}""", "'b'", "overlaps")]
    [InlineData("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}""", "'a'", "hole")]
    [InlineData("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}""", "2 bytes at its end")]
    [InlineData("""{}""", "4 bytes at its end")]
    [InlineData("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}""", "'a' twice")]
    [InlineData("""{"__metadata__":[],"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "__metadata__")]
    [InlineData("""{"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "'k'")]
    [InlineData("""{"__metadata__":{},"__metadata__":{},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "twice")]
    public void A_malformed_header_is_refused_with_its_file_and_tensor(string json, params string[] parts)
    {
        var path = Raw(json, new byte[4]);
        AssertRefused(() => SafetensorsReader.Open(path).Dispose(), [path, .. parts]);
    }

    [Fact]
    public void Invalid_text_in_the_header_is_refused()
    {
        byte[] header = [.. "{\""u8, 0xC3, 0x28, .. "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"u8];
        var path = RawBytes([.. BitConverter.GetBytes((long)header.Length), .. header, 0, 0, 0, 0]);
        AssertRefused(() => SafetensorsReader.Open(path).Dispose(), path, "not valid JSON");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void A_file_too_short_for_a_header_is_refused(int length)
    {
        var path = RawBytes(new byte[length]);
        AssertRefused(() => SafetensorsReader.Open(path).Dispose(), path, $"{length} bytes");
    }

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(17UL)]
    [InlineData(ulong.MaxValue)]
    public void A_header_longer_than_the_format_or_the_file_allows_is_refused(ulong length)
    {
        var path = RawBytes([.. BitConverter.GetBytes(length), .. new byte[16]]);
        AssertRefused(() => SafetensorsReader.Open(path).Dispose(), path, $"{length} bytes");
    }

    [Fact]
    public void A_file_that_is_not_there_or_is_a_folder_is_refused()
    {
        AssertRefused(() => SafetensorsReader.Open(_folder.At("none")).Dispose(), _folder.At("none"));
        AssertRefused(() => SafetensorsReader.Open(_folder.Path).Dispose(), _folder.Path);
    }

    [Fact]
    public void Two_tensors_of_one_name_are_not_written() =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(
            Stream.Null, [new TensorSource("a", [1], new float[1]), new TensorSource("a", [1], new float[1])]));

    [Fact]
    public void Values_that_do_not_fill_their_shape_are_not_written() =>
        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(Stream.Null, [new TensorSource("a", [2, 2], new float[3])]));

    [Fact]
    public void A_cut_file_is_always_refused()
    {
        var whole = File.ReadAllBytes(Sample());
        for (var length = 0; length < whole.Length; length++)
        {
            var path = RawBytes(whole[..length]);
            AssertRefused(() => SafetensorsReader.Open(path).Dispose(), path);
        }
    }

    [Fact]
    public void Flipped_bytes_are_refused_or_read_but_never_crash()
    {
        var whole = File.ReadAllBytes(Sample());
        var random = new Random(4);
        var refused = 0;
        for (var trial = 0; trial < 3000; trial++)
        {
            var bytes = whole.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                ReadEverything(RawBytes(bytes));
            }
            catch (UserException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 3000);
    }

    private static void ReadEverything(string path)
    {
        using var reader = SafetensorsReader.Open(path);
        foreach (var tensor in reader.Tensors.Values)
        {
            if (tensor.Type is TensorType.I32 or TensorType.I64)
            {
                reader.Read(tensor.Name, new int[tensor.Count]);
            }
            else
            {
                reader.Read(tensor.Name, new float[tensor.Count]);
            }
        }
    }

    private static void AssertRefused(Action action, params string[] parts)
    {
        var message = Assert.Throws<UserException>(action).Message;
        Assert.All(parts, part => Assert.Contains(part, message));
        Assert.EndsWith(".", message);
    }

    private string Sample() => Write(
        [new TensorSource("a", [2, 3], new float[6]), new TensorSource("b", [4], () => new int[4])],
        new Dictionary<string, string> { ["format"] = "baka" });

    private string Write(IReadOnlyList<TensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var path = _folder.At("written.safetensors");
        using var stream = File.Create(path);
        SafetensorsWriter.Write(stream, tensors, metadata);
        return path;
    }

    private string Raw(string json, byte[] data)
    {
        var header = Encoding.UTF8.GetBytes(json);
        return RawBytes([.. BitConverter.GetBytes((long)header.Length), .. header, .. data]);
    }

    private string RawBytes(byte[] bytes)
    {
        var path = _folder.At("raw.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
