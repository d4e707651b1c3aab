using System.Text.Json;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Hosting;

/// <summary>
/// <c>local.json</c> in the data folder, readable by its owner only: the address of the running server and a key of the
/// demo tenant, by which the command line on this machine works without settings. The key lives as long as the server:
/// a stop revokes it, and a start revokes the one that a crash left, so the file never holds a key that outlives its use.
/// </summary>
internal sealed class LocalAccess(CreateApiKey create, RevokeApiKey revoke, TenantStandings tenants, HostSettings settings)
{
    private const string KeyName = "local command line";

    private string FilePath => Path.Combine(settings.DataFolder, "local.json");

    public async Task OpenAsync(string url, DemoIds? demo, CancellationToken ct)
    {
        await CloseAsync(demo, ct);
        CreatedApiKey? key = null;
        if (demo is not null && await tenants.FindAsync(demo.TenantId, ct) is not null)
        {
            key = (await create.RunAsync(SystemTask.LocalKey.For(demo.TenantId), new ApiKeyRequest(KeyName, ["read", "write", "admin"]), ct)).Value;
        }

        await WriteAsync(new LocalFile(url, key?.Secret.Reveal(), key?.Key.Id), ct);
    }

    /// <summary>Revokes the key of the file, if there is one, and removes the file.</summary>
    public async Task CloseAsync(DemoIds? demo, CancellationToken ct)
    {
        if (!File.Exists(FilePath)) return;
        if (demo is not null && await ReadAsync(ct) is { KeyId: { } key }) await revoke.RunAsync(SystemTask.LocalKey.For(demo.TenantId), key, ct);
        File.Delete(FilePath);
    }

    private async Task<LocalFile?> ReadAsync(CancellationToken ct)
    {
        try
        {
            return JsonSerializer.Deserialize<LocalFile>(await File.ReadAllBytesAsync(FilePath, ct), ApiJson.Options);
        }
        catch (JsonException)
        {
            // Cut off by a crash while it was written; a key that nobody could read is of no use to anybody.
            return null;
        }
    }

    private async Task WriteAsync(LocalFile content, CancellationToken ct)
    {
        var half = FilePath + ".new";
        File.Delete(half);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var file = new FileStream(half, options))
        {
            await JsonSerializer.SerializeAsync(file, content, ApiJson.Options, ct);
        }

        File.Move(half, FilePath, overwrite: true);
    }

    private sealed record LocalFile(string Url, string? Key, Id<ApiKey>? KeyId);
}
