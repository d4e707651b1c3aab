namespace Insula.Server.Tests.Hostile;

/// <summary>One request as bytes on the wire.</summary>
/// <param name="WellFormed">It keeps the rules of HTTP, so it must be answered and not just cut off.</param>
public sealed record HostileRequest(int Number, byte[] Bytes, bool WellFormed, string Summary);
