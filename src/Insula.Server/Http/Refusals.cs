using Insula.Tenancy.Faults;

namespace Insula.Server.Http;

/// <summary>
/// Gives every refusal one of the two error shapes, wherever it comes from: faults thrown by stores, bodies that Kestrel
/// refuses, routes that do not match, and bugs. The detail of a bug goes to the log and never to the answer.
/// </summary>
internal sealed class Refusals(RequestDelegate next, ILogger<Refusals> log)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left: nobody reads an answer.
            return;
        }
        catch (Exception error)
        {
            await RefuseAsync(http, error);
            return;
        }

        if (!http.Response.HasStarted && http.Response.ContentLength is null && Unanswered(http) is { } fault) await http.WriteFaultAsync(fault);
    }

    private async Task RefuseAsync(HttpContext http, Exception error)
    {
        var fault = error switch
        {
            FaultException expected => expected.Fault,
            BadHttpRequestException bad => RequestBody.FaultOf(bad, BodyLimit.Of(http)),
            _ => ProtocolFaults.Bug,
        };
        if (ReferenceEquals(fault, ProtocolFaults.Bug)) log.UnexpectedError(error, http.Request.Method, http.GetEndpoint()?.DisplayName);
        else if (fault.Kind == FaultKind.Unavailable)
        {
            log.PartUnavailable(fault.Code, fault.Internal);
            log.PartUnavailableAt(error, fault.Code);
        }

        if (http.Response.HasStarted)
        {
            // Half an answer is out: cutting the connection is the only way to say that it is not whole.
            http.Abort();
            return;
        }

        await http.WriteFaultAsync(fault);
    }

    private static Fault? Unanswered(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => ProtocolFaults.NoSuchRoute,
        StatusCodes.Status405MethodNotAllowed => ProtocolFaults.WrongMethod(http.Response.Headers.Allow.ToString()),
        StatusCodes.Status415UnsupportedMediaType => ProtocolFaults.WrongMediaType("application/json"),
        StatusCodes.Status406NotAcceptable => new Fault(FaultKind.Invalid, ProtocolFaults.NotAcceptable, "This route has no answer in a type that the Accept header names."),
        _ => null,
    };
}
