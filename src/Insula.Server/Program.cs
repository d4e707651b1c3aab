using System.CommandLine;
using Insula.Server.Commands;

var insula = new RootCommand("Insula runs AI agents for many tenants, each behind its own walls.")
{
    UpCommand.Create(),
};

// A server needs longer than the default 2 seconds to let its runs leave their step.
return await insula.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
