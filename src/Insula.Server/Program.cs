using Insula.Server.Commands;

return await new CommandLine(Terminal.OfProcess()).RunAsync(args, CancellationToken.None);
