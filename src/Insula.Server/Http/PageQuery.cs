using System.Globalization;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Server.Http;

/// <summary>The <c>limit</c> and <c>page</c> parameters of every list.</summary>
internal static class PageQuery
{
    private const int CursorCharsMax = 1024;

    /// <param name="limitMax">The most rows that this list gives at once; at most <see cref="PageRequest.LimitMax"/>.</param>
    public static Result<PageRequest> Read(IQueryCollection query, int limitMax = PageRequest.LimitMax)
    {
        var limit = Math.Min(PageRequest.LimitDefault, limitMax);
        if (query.TryGetValue("limit", out var limits)
            && (limits.Count != 1 || !int.TryParse(limits[0], NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit < 1 || limit > limitMax))
        {
            return Fault.Invalid("limit", $"limit must be one whole number from 1 to {limitMax}.");
        }

        var pages = query["page"];
        if (pages.Count > 1 || pages is [{ Length: > CursorCharsMax }])
        {
            return Fault.Invalid("page", "page must be the next_page of an earlier answer, once.", "invalid_page");
        }

        return new PageRequest(limit, pages is [{ Length: > 0 } page] ? page : null);
    }
}
