namespace Insula.Agents.Models.Upstream;

/// <summary>What an answer's headers say about trying again; null members were not sent.</summary>
internal readonly record struct RetryAdvice(bool? ShouldRetry, TimeSpan? After);

/// <summary>
/// The one place that says what a model server's failure means to a run. Messages name provider and status, and neither
/// key nor address.
/// </summary>
internal static class UpstreamFailure
{
    /// <summary>The failure of an answer with an error status.</summary>
    /// <param name="said">The server's own words, cleaned; null when they must not be passed on or there are none.</param>
    public static ModelException OfStatus(string provider, int status, RetryAdvice advice = default, string? said = null)
    {
        var (failure, reason) = Meaning(status);
        var message = said is null ? $"{provider} answered {status}: {reason}" : $"{provider} answered {status}: {reason} It said: {said}";
        return new ModelException(failure, message, advice.ShouldRetry ?? failure is not ModelFailure.Refused, advice.After);
    }

    /// <summary>No whole answer came: no connection, a cut, a time-out.</summary>
    public static ModelException Away(string provider, string what, Exception? inner = null) =>
        new(ModelFailure.Overloaded, $"{provider} {what}", retryable: true, inner: inner);

    /// <summary>An answer came that breaks the protocol; another attempt may well get a sound one.</summary>
    public static ModelException Broken(string provider, string what, Exception? inner = null) =>
        new(ModelFailure.Overloaded, $"{provider} sent an answer that breaks its protocol: {what}", retryable: true, inner: inner);

    /// <summary>The stream ended in good order before the turn did.</summary>
    public static ModelException Cut(string provider) => Away(provider, "ended its answer before it was complete.");

    /// <summary>Every call is billed by its tokens, so an answer without them cannot be used, and the next would have none either.</summary>
    public static ModelException NoUsage(string provider) =>
        Refused($"{provider} reported no token usage, by which every call is counted; the operator should use a server that reports it.");

    /// <summary>What was asked can never work until somebody changes something.</summary>
    public static ModelException Refused(string message) => new(ModelFailure.Refused, message, retryable: false);

    private static (ModelFailure Failure, string Reason) Meaning(int status) => status switch
    {
        // 408 and 409 are what both vendors' own clients try again; neither speaks of the request's content.
        408 or 409 => (ModelFailure.Overloaded, "it asks to try again."),
        429 => (ModelFailure.RateLimited, "too many requests or tokens for now."),
        401 or 403 => (ModelFailure.Refused, "this installation's key is missing, refused or lacks the right. The operator can set another."),
        404 => (ModelFailure.Refused, "it does not know the model, or the installation has its address wrong."),
        >= 500 => (ModelFailure.Overloaded, "it is overloaded or broken."),
        >= 400 => (ModelFailure.Refused, "it refuses the request."),
        _ => (ModelFailure.Refused, "it answers with a redirect or an odd status; the operator should check its address."),
    };
}
