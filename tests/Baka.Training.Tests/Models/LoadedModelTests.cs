using Baka.Data;
using Baka.Model;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;
using Baka.Training.Models;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Models;

public sealed class LoadedModelTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    [Fact]
    public void Its_parameters_are_those_of_the_checkpoint()
    {
        using var file = SafetensorsReader.Open(Path.Combine(trained.Model.Folder, CheckpointFiles.Model));
        Assert.Equal(trained.Model.Model.Parameters.Select(p => p.Name), file.Tensors.Values.OrderBy(t => t.Offset).Select(t => t.Name));
        foreach (var parameter in trained.Model.Model.Parameters)
        {
            var expected = new float[parameter.Shape.Count];
            var actual = new float[parameter.Shape.Count];
            file.Read(parameter.Name, expected);
            trained.Model.Device.Read(parameter.Name, actual);
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void Parameters_begin_as_the_model_says_each_on_its_own()
    {
        var recipe = TinyRun.Recipe("dim=32").Model;
        var (few, many) = (Values(new LanguageModel(recipe with { Layers = 1 }), 1), Values(new LanguageModel(recipe), 1));
        Assert.Equal(few["embed.weight"], many["embed.weight"]);
        Assert.Equal(few["layers.0.attn.q.weight"], many["layers.0.attn.q.weight"]);
        Assert.NotEqual(many["layers.0.attn.q.weight"], many["layers.1.attn.q.weight"]);
        Assert.NotEqual(many["embed.weight"], Values(new LanguageModel(recipe), 2)["embed.weight"]);
        Assert.All(many["norm_out.weight"], w => Assert.Equal(1, w));
        Assert.Equal(1, Deviation(many["embed.weight"]), 0.05);
        Assert.Equal(1 / Math.Sqrt(3 * 32), Deviation(many["layers.0.attn.q.weight"]), 0.01);

        static double Deviation(float[] values) => Math.Sqrt(values.Average(v => (double)v * v));
    }

    [Theory]
    [InlineData("abacus", 1, "There is no device 'abacus': use 'cpu' or 'cuda'.")]
    [InlineData("cpu", 0, "The number of threads is 0, but it must be at least 1.")]
    public void Devices_that_are_not_there_are_refused(string name, int threads, string message) =>
        Assert.Equal(message, Assert.Throws<UserException>(() => new DeviceChoice(name, threads, Debug: false).Create()).Message);

    private static Dictionary<string, float[]> Values(LanguageModel model, ulong seed)
    {
        using var device = TinyRun.Cpu.Create();
        using var program = Baka.Model.Programs.EvaluationProgram.Create(device, model, 1, 1);
        Parameters.Initialize(device, model, seed);
        return model.Parameters.ToDictionary(p => p.Name, p =>
        {
            var values = new float[p.Shape.Count];
            device.Read(p.Name, values);
            return values;
        });
    }
}
