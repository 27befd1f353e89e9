using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>One product on a team. A thread keeps one and uses it again for each product it starts.</summary>
internal sealed unsafe class GemmRun : IParallelWork
{
    [ThreadStatic]
    private static GemmRun? _ofThisThread;

    private GemmEngine _engine = GemmEngine.Widest;
    private GemmProblem _problem;
    private ThreadTeam? _team;
    private float* _shared;

    private GemmRun()
    {
    }

    public static void Multiply(GemmEngine engine, ThreadTeam team, in GemmProblem problem)
    {
        var run = _ofThisThread ??= new GemmRun();
        run._engine = engine;
        run._problem = problem;
        run._team = team;
        run._shared = GemmScratch.OfThisThread.B(engine.SharedLength(problem, team.Size));
        team.Run(run);
    }

    public void Execute(int worker, int workers) => _engine.Run(_problem, _team, worker, workers, _shared);
}
