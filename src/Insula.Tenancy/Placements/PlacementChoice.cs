using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Placements;

/// <summary>Where one tenant's data live.</summary>
/// <param name="Server">Name of the server.</param>
public sealed record TenantPlace(Placement Placement, string Server);

/// <summary>
/// Decides where a new tenant's data will live. The placement is what the operator asks for, else the plan's, else the
/// installation's; the server is what the operator asks for, else the one that wins the tenant's draw. It decides once:
/// the place is written into the tenant's row, and a server that is added later moves nobody.
/// </summary>
public sealed class PlacementChoice
{
    private readonly PlacementOptions _options;
    private readonly StoreServer[] _servers;

    public PlacementChoice(PlacementOptions options)
    {
        if (!options.Available.Contains(options.Default)) throw new ArgumentException("The default placement is not among the available ones.", nameof(options));
        if (options.Servers.DistinctBy(static server => server.Name).Count() != options.Servers.Count) throw new ArgumentException("Two servers have one name.", nameof(options));
        if (options.Servers.Any(static server => server.Weight < 0) || options.Servers.All(static server => server.Weight == 0))
        {
            throw new ArgumentException("Weights must not be negative, and one at least must be over 0.", nameof(options));
        }

        _options = options;
        _servers = [.. options.Servers.OrderBy(static server => server.Name, StringComparer.Ordinal)];
    }

    /// <summary>Faults: Invalid <c>placement</c> or <c>server</c>; Conflict <c>placement_unavailable</c> when the plan asks for what cannot be had.</summary>
    /// <param name="placement">What the operator asks for; null for the plan's.</param>
    /// <param name="server">What the operator asks for; null to draw one.</param>
    internal Result<TenantPlace> Choose(Id<Tenant> tenant, Plan plan, string? placement = null, string? server = null)
    {
        if (PlacementOf(plan, placement).Failed(out var fault, out var chosen)) return fault;
        if (server is null) return new TenantPlace(chosen, Rendezvous.Choose(tenant.ToString(), _servers));
        return _servers.Any(known => string.Equals(known.Name, server, StringComparison.Ordinal)) ? new TenantPlace(chosen, server) : NoServer();
    }

    /// <summary>The placement of that name, if it can be had here.</summary>
    internal Result<Placement> Take(string name)
    {
        if (PlacementNames.Find(name) is { } placement) return Refuse(placement) is { } fault ? fault : placement;
        return Fault.Invalid("placement", $"There is no placement of that name. {NearestName.Suggest(name, AvailableNames)}");
    }

    /// <summary>Why this placement cannot be had here and what to do, or null when it can.</summary>
    internal Fault? Refuse(Placement placement)
    {
        if (_options.Available.Contains(placement)) return null;
        return placement == Placement.File
            ? Fault.Invalid("placement", $"The placement 'file' cannot be had in a cluster: a file lives on one node, and the other nodes could not serve its tenant. Possible here: {Possible}. Leave placement out for '{PlacementNames.Of(_options.Default)}'.")
            : Fault.Invalid("placement", $"The placement '{PlacementNames.Of(placement)}' needs PostgreSQL, and this installation keeps its data in SQLite files. Possible here: {Possible}. Leave placement out, or start Insula with --database.");
    }

    private IReadOnlyList<string> AvailableNames => [.. _options.Available.Select(PlacementNames.Of)];

    private string Possible => string.Join(", ", AvailableNames);

    private Result<Placement> PlacementOf(Plan plan, string? asked)
    {
        if (asked is not null) return Take(asked);
        if (plan.Placement is not { } planned) return _options.Default;

        // Not an input that breaks a rule: nobody asked for it. A plan that is put or read is checked, so this one was kept
        // from an installation that could offer more.
        return Refuse(planned) is null
            ? planned
            : Fault.Conflict("placement_unavailable", $"The plan '{plan.Name}' asks for the placement '{PlacementNames.Of(planned)}', which this installation does not have. Possible here: {Possible}. Name one of them as placement, or change the plan's.") with { Field = "plan" };
    }

    private Fault NoServer() =>
        Fault.Invalid("server", $"There is no server of that name here. Known are: {string.Join(", ", _servers.Select(static server => server.Name))}. Leave server out to have one chosen.");
}
