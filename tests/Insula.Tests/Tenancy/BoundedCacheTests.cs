using Insula.Tenancy.Access;
using Insula.TestKit;

namespace Insula.Tests.Tenancy;

public sealed class BoundedCacheTests
{
    private readonly BoundedCache<int, string> _cache = new(capacity: 8, TimeSpan.FromSeconds(5), new ManualClock());

    [Fact]
    public void A_load_that_a_drop_overtook_is_not_kept()
    {
        var begun = _cache.Generation;
        _cache.Drop(1);
        _cache.Keep(1, "as it was before the change", begun);
        Assert.False(_cache.TryGet(1, out _));
    }

    [Fact]
    public void A_load_that_a_drop_of_many_overtook_is_not_kept()
    {
        var begun = _cache.Generation;
        _cache.DropWhere(static _ => false);
        _cache.Keep(1, "as it was before the change", begun);
        Assert.False(_cache.TryGet(1, out _));
    }

    [Fact]
    public void A_load_that_began_after_the_drop_is_kept()
    {
        _cache.Drop(1);
        _cache.Keep(1, "new", _cache.Generation);
        Assert.True(_cache.TryGet(1, out var value));
        Assert.Equal("new", value);
    }

    [Fact]
    public void Dropping_by_value_leaves_the_others()
    {
        for (var key = 0; key < 4; key++) _cache.Keep(key, key % 2 == 0 ? "even" : "odd", _cache.Generation);
        _cache.DropWhere(static value => value is "even");
        Assert.Equal([false, true, false, true], Enumerable.Range(0, 4).Select(key => _cache.TryGet(key, out _)));
        Assert.Equal(2, _cache.Count);
    }
}
