namespace Insula.Tenancy.Paging;

/// <summary>
/// A request for one page. <paramref name="After"/> is the opaque cursor of the page before, or null for the first;
/// a cursor that the store did not give is an <c>invalid_page</c> fault, never another page.
/// </summary>
/// <param name="Limit">At most this many rows, 1 to <see cref="LimitMax"/>.</param>
public sealed record PageRequest(int Limit, string? After)
{
    public const int LimitDefault = 20;
    public const int LimitMax = 1000;
}

/// <summary>One page; <paramref name="Next"/> is the cursor of the following one, or null at the end.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
