using Insula.Server.Endpoints;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Tests.Knowledge;

public sealed class UploadRoomTests
{
    private readonly UploadRoom _room = new();

    [Fact]
    public void A_tenant_at_its_bound_waits_and_others_do_not()
    {
        var (greedy, other) = (Id<Tenant>.New(), Id<Tenant>.New());
        var place = _room.Enter(greedy, UploadRoom.TenantBytesMax).Value;

        Assert.Equal(FaultKind.Throttled, _room.Enter(greedy, 1).Fault?.Kind);
        Assert.Null(_room.Enter(other, 1).Fault);
        place.Dispose();
        Assert.Null(_room.Enter(greedy, 1).Fault);
    }

    [Fact]
    public void All_together_are_bounded_too()
    {
        var places = Enumerable.Range(0, 4).Select(_ => _room.Enter(Id<Tenant>.New(), UploadRoom.TenantBytesMax).Value).ToList();

        Assert.Equal(FaultKind.Unavailable, _room.Enter(Id<Tenant>.New(), 1).Fault?.Kind);
        places[0].Dispose();
        Assert.Null(_room.Enter(Id<Tenant>.New(), 1).Fault);
    }
}
