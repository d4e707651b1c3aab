using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Input;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Environments;

/// <summary>
/// The config of an environment as a client gives it: members left out (or null) are completed on create and kept on
/// update. The stored form is always complete.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(CloudConfig), "cloud")]
[JsonDerivedType(typeof(SelfHostedConfig), "self_hosted")]
public abstract record EnvironmentConfig
{
    /// <summary>What an environment gets when the client says nothing: no way out of the sandbox and no packages.</summary>
    internal static EnvironmentConfig Default { get; } = new CloudConfig();

    internal Result<JsonElement> Complete() => CompleteOver(stored: null);

    /// <summary>Completes this config over the stored one of the same type.</summary>
    internal Result<JsonElement> Over(JsonElement stored)
    {
        var before = stored.Deserialize<EnvironmentConfig>(AgentsJson.Options)!;
        if (before.GetType() == GetType()) return CompleteOver(before);
        return new Fault(FaultKind.Invalid, "invalid_config_type_change", "config.type cannot change after creation; create another environment.") { Field = "config.type" };
    }

    private Result<JsonElement> CompleteOver(EnvironmentConfig? stored)
    {
        var complete = this is CloudConfig cloud ? cloud.CompletedOver(stored as CloudConfig) : this;
        if (complete is CloudConfig { Violation: { } violation }) return violation;
        return JsonSerializer.SerializeToElement(complete, AgentsJson.Options);
    }
}

/// <summary>A sandbox that this installation runs.</summary>
public sealed record CloudConfig(Networking? Networking = null, Packages? Packages = null) : EnvironmentConfig
{
    internal CloudConfig CompletedOver(CloudConfig? stored)
    {
        var packages = Environments.Packages.Completed(Packages, stored?.Packages);
        var networking = (Networking, stored?.Networking) switch
        {
            (LimitedNetworking given, var before) => given.CompletedOver(before as LimitedNetworking),
            (null, { } before) => before,
            (null, null) => new LimitedNetworking([], AllowMcpServers: false, AllowPackageManagers: packages.Any),
            var (given, _) => given,
        };
        return new CloudConfig(networking, packages);
    }

    internal Fault? Violation => Packages!.Violation
        ?? (Networking as LimitedNetworking)?.Violation
        ?? (Packages.Any && Networking is LimitedNetworking { AllowPackageManagers: not true }
            ? Fault.Invalid("config.networking.allow_package_managers", "config.networking.allow_package_managers must be true when packages are given under limited networking.")
            : null);
}

/// <summary>Work that the client's own workers fetch.</summary>
public sealed record SelfHostedConfig : EnvironmentConfig;

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(UnrestrictedNetworking), "unrestricted")]
[JsonDerivedType(typeof(LimitedNetworking), "limited")]
public abstract record Networking;

public sealed record UnrestrictedNetworking : Networking;

public sealed record LimitedNetworking(
    IReadOnlyList<string>? AllowedHosts = null, bool? AllowMcpServers = null, bool? AllowPackageManagers = null) : Networking
{
    private const int HostsMax = 256;
    private const string HostsField = "config.networking.allowed_hosts";

    internal LimitedNetworking CompletedOver(LimitedNetworking? stored) => new(
        AllowedHosts ?? stored?.AllowedHosts ?? [],
        AllowMcpServers ?? stored?.AllowMcpServers ?? false,
        AllowPackageManagers ?? stored?.AllowPackageManagers ?? false);

    internal Fault? Violation => Check.Count(HostsField, AllowedHosts!.Count, HostsMax)
        ?? AllowedHosts
            .Select((host, i) => IsHost(host) ? null : Fault.Invalid(
                $"{HostsField}[{i}]",
                $"{HostsField}[{i}] must be a host name such as api.example.com or *.example.com, without scheme, port or path."))
            .FirstOrDefault(fault => fault is not null);

    private static bool IsHost(string? host)
    {
        if (host is null || host.Length > 253) return false;
        var name = host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host;
        return Uri.CheckHostName(name) == UriHostNameType.Dns && name.All(char.IsAscii) || IPAddress.TryParse(host, out _);
    }
}

/// <summary>Packages by the package manager that installs them; null keeps what is stored.</summary>
public sealed record Packages(
    IReadOnlyList<string>? Apt = null,
    IReadOnlyList<string>? Cargo = null,
    IReadOnlyList<string>? Gem = null,
    IReadOnlyList<string>? Go = null,
    IReadOnlyList<string>? Npm = null,
    IReadOnlyList<string>? Pip = null)
{
    private const int PackagesMax = 100;
    private const int PackageCharsMax = 200;

    public string Type => "packages";

    internal static Packages Completed(Packages? given, Packages? stored) => new(
        given?.Apt ?? stored?.Apt ?? [],
        given?.Cargo ?? stored?.Cargo ?? [],
        given?.Gem ?? stored?.Gem ?? [],
        given?.Go ?? stored?.Go ?? [],
        given?.Npm ?? stored?.Npm ?? [],
        given?.Pip ?? stored?.Pip ?? []);

    internal bool Any => Lists.Any(list => list.Packages.Count > 0);

    /// <summary>A package is one word that is no option: it must never become a second argument of a package manager.</summary>
    internal Fault? Violation => Lists
        .Select(list => Check.Count($"config.packages.{list.Manager}", list.Packages.Count, PackagesMax)
            ?? (list.Packages.All(IsPackage) ? null : Fault.Invalid(
                $"config.packages.{list.Manager}",
                $"config.packages.{list.Manager} must hold package names of 1 to {PackageCharsMax} characters, without blanks and not beginning with '-'.")))
        .FirstOrDefault(fault => fault is not null);

    private IEnumerable<(string Manager, IReadOnlyList<string> Packages)> Lists =>
        [("apt", Apt ?? []), ("cargo", Cargo ?? []), ("gem", Gem ?? []), ("go", Go ?? []), ("npm", Npm ?? []), ("pip", Pip ?? [])];

    private static bool IsPackage(string? name) =>
        name is { Length: > 0 and <= PackageCharsMax } && name[0] != '-' && name.All(c => c is > ' ' and <= '~');
}
