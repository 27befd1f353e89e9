using Baka.Cli;
using Baka.Cli.Shell;

using var terminal = Terminal.OfProcess();
return CommandLine.Invoke(args, terminal);
