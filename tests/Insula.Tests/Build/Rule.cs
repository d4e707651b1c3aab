namespace Insula.Tests.Build;

internal static class Rule
{
    /// <summary>Passes when there is no complaint. Unlike Assert.Empty it shows each one whole: the advice is in the text.</summary>
    public static void Holds(IEnumerable<string> complaints)
    {
        var all = string.Join('\n', complaints);
        Assert.True(all.Length == 0, all);
    }
}
