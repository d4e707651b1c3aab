namespace Insula.Server.Http;

/// <summary>Default deny, checked before the first request: an endpoint that does not say who may call it stops the start.</summary>
internal static class DefaultDeny
{
    /// <exception cref="InvalidOperationException">An endpoint has no <see cref="CallerRule"/>, or more than one.</exception>
    public static void RefuseUnguarded(IEnumerable<Endpoint> endpoints)
    {
        var unguarded = endpoints
            .Where(endpoint => endpoint.Metadata.GetOrderedMetadata<CallerRule>().Count != 1)
            .Select(endpoint => endpoint.DisplayName ?? "(unnamed)")
            .ToList();
        if (unguarded.Count == 0) return;

        throw new InvalidOperationException(
            "These endpoints must say once who may call them (RequireTenant, RequireOperator, RequireAnyone or AllowAnonymousCaller): "
            + string.Join(", ", unguarded));
    }
}
