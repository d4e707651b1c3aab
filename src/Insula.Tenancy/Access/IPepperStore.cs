namespace Insula.Tenancy.Access;

/// <summary>
/// Where the peppers of the key hashes are kept, as one text: a line <c>version base64</c> for each. One node keeps a file
/// beside the data; nodes that share a database must share the peppers too, and keep them there out of reach of the role
/// that serves requests.
/// </summary>
public interface IPepperStore
{
    /// <summary>How messages call the place: a path, or a table.</summary>
    string Place { get; }

    /// <summary>The text, or null when there is none yet.</summary>
    Task<string?> ReadAsync(CancellationToken ct);

    /// <summary>Keeps the text, durably and for good; fails when there is one already.</summary>
    Task AddAsync(string text, CancellationToken ct);
}
