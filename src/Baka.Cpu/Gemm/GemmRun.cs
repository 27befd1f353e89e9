using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>One product on a team. A thread keeps one and uses it again for each product it starts.</summary>
internal sealed class GemmRun : IParallelWork
{
    [ThreadStatic]
    private static GemmRun? _ofThisThread;

    private GemmEngine _engine = GemmEngine.Widest;
    private GemmProblem _problem;

    private GemmRun()
    {
    }

    public static void Multiply(GemmEngine engine, ThreadTeam team, in GemmProblem problem)
    {
        var run = _ofThisThread ??= new GemmRun();
        run._engine = engine;
        run._problem = problem;
        team.Run(run);
    }

    public void Execute(int worker, int workers) => _engine.Run(_engine.Share(_problem, worker, workers));
}
