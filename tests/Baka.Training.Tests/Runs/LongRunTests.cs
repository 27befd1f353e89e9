using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class LongRunTests
{
    [Theory]
    [InlineData(false, 20, 1)]
    [InlineData(true, 20, 1)]
    [InlineData(false, 7, 0)]
    public void A_run_of_many_hours_is_told_once_when_its_speed_is_known(bool onGpu, int hoursLeft, int messages)
    {
        var observer = new RecordingObserver();
        var run = new LongRun(observer, onGpu);
        for (var seconds = 10; seconds < 60; seconds += 10)
        {
            run.Watch(new TrainProgress(seconds, 1000, 0.01, TimeSpan.FromSeconds(seconds), TimeSpan.FromHours(hoursLeft), 0));
            Assert.Equal(seconds < 30 ? 0 : messages, observer.Messages.Count);
        }

        Assert.All(observer.Messages, m => Assert.Contains("20 hours more", m));
        Assert.All(observer.Messages, m => Assert.Equal(onGpu, !m.Contains("--device cuda")));
    }
}
