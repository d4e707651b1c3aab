namespace Insula.Agents.Knowledge;

/// <summary>How much knowledge this node keeps in memory. What is not in memory is read from the tenant's store when it is next asked for.</summary>
public sealed class KnowledgeOptions
{
    /// <summary>
    /// Bytes of knowledge in memory over all tenants, estimated; default 512 MB. Too low makes tenants wait for their
    /// knowledge to be read again (about 10,000 passages a second); knowledge in use is never dropped, so the most
    /// recently used tenant's may exceed it.
    /// </summary>
    public long ResidentBytesMax { get; set; } = 512L << 20;

    /// <summary>Tenants whose knowledge is in memory; default 1000.</summary>
    public int ResidentTenantsMax { get; set; } = 1000;

    /// <summary>How long knowledge stays in memory without being asked; default 15 minutes.</summary>
    public TimeSpan IdleLimit { get; set; } = TimeSpan.FromMinutes(15);
}
