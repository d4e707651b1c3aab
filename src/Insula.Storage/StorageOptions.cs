using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>Where the data live and how many tenants' files stay open.</summary>
public sealed record StorageOptions
{
    /// <summary>The folder that holds everything; made with mode 0700 when it is missing. One server at a time uses it.</summary>
    public required string DataFolder { get; init; }

    /// <summary>
    /// Tenants' files open at one moment, 1 to 10,000; default 256. An open file takes 3 to 7 descriptors and about
    /// 200 KiB. Too few: busy tenants close each other's files, some milliseconds each time. Too many: memory.
    /// </summary>
    public int OpenTenantsMax { get; init; } = 256;

    /// <summary>How long an unused tenant's file stays open, 1 second to 1 day; default 5 minutes.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a caller waits while all <see cref="OpenTenantsMax"/> files are in use, 0 to 5 minutes; default 10 seconds.</summary>
    public TimeSpan OpenWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Threads that write and wait for the disk, for all files together, 1 to 64; default 4. A file's writes never use two at once.</summary>
    public int DiskThreads { get; init; } = 4;

    /// <summary>Throws one <see cref="FaultException"/> that lists every value out of range.</summary>
    internal void Validate()
    {
        List<string> wrong = [];
        if (string.IsNullOrWhiteSpace(DataFolder) || DataFolder.Contains('\0')) wrong.Add("DataFolder must be a path");
        if (OpenTenantsMax is < 1 or > 10_000) wrong.Add($"OpenTenantsMax is {OpenTenantsMax}; use 1 to 10000");
        if (IdleLimit < TimeSpan.FromSeconds(1) || IdleLimit > TimeSpan.FromDays(1)) wrong.Add($"IdleLimit is {IdleLimit}; use 1 second to 1 day");
        if (OpenWait < TimeSpan.Zero || OpenWait > TimeSpan.FromMinutes(5)) wrong.Add($"OpenWait is {OpenWait}; use 0 to 5 minutes");
        if (DiskThreads is < 1 or > 64) wrong.Add($"DiskThreads is {DiskThreads}; use 1 to 64");
        if (wrong.Count > 0) throw new FaultException(Fault.Invalid("storage", $"Storage cannot start: {string.Join("; ", wrong)}.", "invalid_setting"));
    }
}
