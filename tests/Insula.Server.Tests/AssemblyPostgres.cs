using Insula.TestKit.Postgres;

[assembly: AssemblyFixture(typeof(SharedPostgres))]
