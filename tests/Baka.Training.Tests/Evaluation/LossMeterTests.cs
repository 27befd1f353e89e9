using Baka.Training.Evaluation;

namespace Baka.Training.Tests.Evaluation;

public class LossMeterTests
{
    [Fact]
    public void Both_averages_and_bits_per_byte_follow_their_definitions()
    {
        var meter = new LossMeter(2);
        meter.BeginDocument(0);
        meter.BeginDocument(1);
        meter.Add(0, 1, 1, correct: true);
        meter.Add(1, 1, 4, correct: true);
        meter.Add(0, 2, 2, correct: false);
        meter.BeginDocument(1);
        meter.Add(1, 1, 6, correct: true);
        meter.Add(0, 3, 3, correct: true);
        meter.AddBytes(10);
        meter.AddBytes(6);
        var report = meter.Report();
        Assert.Equal(16 / 5.0, report.Loss, 1e-12);
        Assert.Equal(Math.Exp(16 / 5.0), report.Perplexity, 1e-9);
        Assert.Equal((2 + 4 + 6) / 3.0, report.LossDocMean, 1e-12);
        Assert.Equal(1 / Math.Log(2), report.BitsPerByte, 1e-12);
        Assert.Equal((5, 16, 3), (report.Tokens, report.Bytes, report.Documents));
        Assert.Equal((4 / 5.0, 2 / 3.0), (report.Accuracy, report.ExactMatch));
    }

    [Fact]
    public void Positions_fall_into_buckets_that_double_and_begin_anew_with_a_document()
    {
        var meter = new LossMeter(1);
        for (var document = 0; document < 2; document++)
        {
            meter.BeginDocument(0);
            for (var position = 1; position <= 9; position++)
            {
                meter.Add(0, position, position, correct: true);
            }
        }

        Assert.Equal(
            [new(1, 1, 1, 2), new(2, 3, 2.5, 4), new(4, 7, 5.5, 8), new(8, 15, 8.5, 4)],
            meter.Report().ByPosition);
    }

    [Fact]
    public void Documents_without_a_predicted_token_do_not_count()
    {
        var meter = new LossMeter(1);
        meter.BeginDocument(0);
        meter.BeginDocument(0);
        meter.Add(0, 1, 2, correct: true);
        meter.BeginDocument(0);
        Assert.Equal((2.0, 1L), (meter.Report().LossDocMean, meter.Report().Documents));
    }

    [Fact]
    public void Of_nothing_the_figures_are_no_numbers()
    {
        var report = new LossMeter(3).Report();
        Assert.All([report.Loss, report.LossDocMean, report.BitsPerByte, report.Perplexity, report.Accuracy, report.ExactMatch], figure => Assert.True(double.IsNaN(figure)));
        Assert.Empty(report.ByPosition);
    }

    [Fact]
    public void Rows_do_not_mix_their_documents()
    {
        // The same documents in one row and in three give the same means.
        var random = new Random(1);
        var documents = Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 1 + random.Next(50)).Select(_ => (double)random.Next(100)).ToArray()).ToArray();
        var oneRow = new LossMeter(1);
        foreach (var document in documents)
        {
            oneRow.BeginDocument(0);
            foreach (var (i, loss) in document.Index())
            {
                oneRow.Add(0, i + 1, loss, loss > 20);
            }
        }

        var threeRows = new LossMeter(3);
        for (var i = 0; i < 50; i++)
        {
            for (var row = 0; row < 3; row++)
            {
                if (i < documents[row].Length)
                {
                    threeRows.Add(row, i + 1, documents[row][i], documents[row][i] > 20);
                }
            }
        }

        Assert.Equal(oneRow.Report().LossDocMean, threeRows.Report().LossDocMean, 1e-12);
        Assert.Equal((oneRow.Report().Accuracy, oneRow.Report().ExactMatch), (threeRows.Report().Accuracy, threeRows.Report().ExactMatch));
        Assert.Equal(oneRow.Report().ByPosition, threeRows.Report().ByPosition);
    }
}
