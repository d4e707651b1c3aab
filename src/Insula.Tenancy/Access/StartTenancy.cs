using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Access;

/// <summary>What a start found and made.</summary>
/// <param name="MadeOperatorKey">The operator key, when this start made it: the only time that its text exists.</param>
/// <param name="HasTenants">False on an installation where no tenant was ever created.</param>
public sealed record StartedTenancy(Secret? MadeOperatorKey, bool HasTenants);

/// <summary>
/// Opens what keys and limits rest on, before the first request: peppers, plans, prices, operator keys. On the first start of a
/// data folder it makes the pepper file and, unless the settings give one, an operator key. Whatever cannot be used
/// stops the start with a fault that says what to do.
/// </summary>
public sealed class StartTenancy
{
    private readonly TenancyOptions _options;
    private readonly StartStores _stores;
    private readonly AccessState _state;
    private readonly PlacementChoice _placements;
    private readonly TimeProvider _time;
    private readonly ILogger<StartTenancy> _log;

    internal StartTenancy(TenancyOptions options, StartStores stores, AccessState state, PlacementChoice placements, TimeProvider time, ILogger<StartTenancy> log)
    {
        _options = options;
        _stores = stores;
        _state = state;
        _placements = placements;
        _time = time;
        _log = log;
    }

    public async Task<Result<StartedTenancy>> RunAsync(CancellationToken ct)
    {
        if (_options.Check() is { } wrongOption) return wrongOption;

        var operators = await _stores.Operators.AllAsync(ct);
        var hasTenants = (await _stores.Tenants.ListAsync(new TenantFilter(), new PageRequest(1, null), ct)).Items.Count > 0;
        if ((await OpenPeppersAsync(mayMake: operators.Count == 0 && !hasTenants, ct)).Failed(out var fault, out _)) return fault;
        if ((await OpenPlansAsync(ct)).Failed(out fault, out _)) return fault;

        if (_options.OperatorKey is null && operators.Count == 0)
        {
            var (key, row) = await MakeOperatorKeyAsync(ct);
            _state.Operators.Open(null, [row]);
            return new StartedTenancy(key, hasTenants);
        }

        _state.Operators.Open(_options.OperatorKey, operators);
        return new StartedTenancy(null, hasTenants);
    }

    private async Task<Result<Done>> OpenPeppersAsync(bool mayMake, CancellationToken ct)
    {
        var place = _stores.Peppers.Place;
        var text = await _stores.Peppers.ReadAsync(ct);
        if (text is null && !mayMake)
        {
            return Fault.Unavailable(
                "pepper_missing",
                $"The peppers are missing from {place}, and without them no key of this installation can be checked. Restore them from a backup.");
        }

        if (text is null)
        {
            text = PepperText.New();
            await _stores.Peppers.AddAsync(text, ct);
            _log.PepperMade(place);
        }

        if (PepperText.Read(text) is not { } peppers)
            return Fault.Unavailable("pepper_damaged", $"The peppers in {place} are damaged: restore them from a backup. Without them no key can be checked.");
        _state.Peppers.Open(peppers);
        return default(Done);
    }

    private async Task<Result<Done>> OpenPlansAsync(CancellationToken ct)
    {
        // The file in the data folder is optional; one that the settings name must be there.
        var path = _options.PlansFile ?? (File.Exists(_options.DefaultPlansPath) ? _options.DefaultPlansPath : null);
        if (path is not null)
        {
            if (_state.Plans.ReadFile(path, _placements).Failed(out var fault, out _)) return fault;
            if (_state.Prices.ReadFile(path).Failed(out fault, out _)) return fault;
        }

        _state.Plans.Put(await _stores.Plans.AllAsync(ct));
        _state.Prices.Put(await _stores.Prices.AllAsync(ct));
        return default(Done);
    }

    private async Task<(Secret Key, OperatorKey Row)> MakeOperatorKeyAsync(CancellationToken ct)
    {
        var text = KeyText.New(KeyKind.Platform);
        var now = _time.NowInMicroseconds();
        var row = new OperatorKey(text.Handle, _state.Peppers.Hash(text.Text.Reveal()), _state.Peppers.CurrentVersion, now);
        await _stores.Operators.AddAsync(row, new AuditRecord(null, new Principal("system", "start"), "operator_key.create", text.Handle, null, now), ct);
        _log.OperatorKeyMade();
        return (text.Text, row);
    }
}

/// <summary>What a start reads.</summary>
internal sealed record StartStores(IPepperStore Peppers, IOperatorKeyStore Operators, ITenantDirectory Tenants, IPlanStore Plans, IPriceStore Prices);

/// <summary>What a start opens.</summary>
internal sealed record AccessState(Peppers Peppers, OperatorKeys Operators, PlanCatalog Plans, PriceCatalog Prices);
