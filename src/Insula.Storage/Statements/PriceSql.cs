namespace Insula.Storage.Statements;

/// <summary>Versions of prices. One is added and never changed.</summary>
internal static class PriceSql
{
    public const string All = "select version, name, from_at, set_at, rates, ceiling from prices order by set_at, version";

    public const string Insert = "insert into prices (version, name, from_at, set_at, rates, ceiling) values (@version, @name, @from_at, @set_at, @rates, @ceiling)";
}
