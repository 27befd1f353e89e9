using Baka.Model.Recipes;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class RunScheduleTests
{
    private static readonly TrainRecipe Recipe = new() { Steps = null, Schedule = new ScheduleRecipe { Kind = ScheduleKind.Linear, Warmup = 0, Final = 0 }, Optimizer = new OptimizerRecipe { LearningRate = 1 } };

    [Fact]
    public void Steps_alone_do_not_look_at_the_clock()
    {
        var schedule = new RunSchedule(Recipe with { Steps = 10 });
        Assert.Equal(0.5, schedule.LearningRate(5, TimeSpan.FromDays(3)));
        Assert.False(schedule.IsOver(9, TimeSpan.FromDays(3)));
        Assert.True(schedule.IsOver(10, TimeSpan.Zero));
    }

    [Fact]
    public void Minutes_alone_do_not_look_at_the_step()
    {
        var schedule = new RunSchedule(Recipe with { Minutes = 4 });
        Assert.Equal(0.25, schedule.LearningRate(1000, TimeSpan.FromMinutes(3)));
        Assert.False(schedule.IsOver(1000, TimeSpan.FromMinutes(3.99)));
        Assert.True(schedule.IsOver(1, TimeSpan.FromMinutes(4)));
    }

    [Fact]
    public void Of_both_the_one_that_ends_first_counts()
    {
        var schedule = new RunSchedule(Recipe with { Steps = 10, Minutes = 4 });
        Assert.Equal(0.5, schedule.LearningRate(5, TimeSpan.FromMinutes(1)));
        Assert.Equal(0.25, schedule.LearningRate(5, TimeSpan.FromMinutes(3)));
        Assert.True(schedule.IsOver(10, TimeSpan.Zero));
        Assert.True(schedule.IsOver(0, TimeSpan.FromMinutes(4)));
        Assert.Equal(TimeSpan.FromMinutes(1), schedule.Progress(5, TimeSpan.FromMinutes(3), epoch: 0).Left);
    }
}
