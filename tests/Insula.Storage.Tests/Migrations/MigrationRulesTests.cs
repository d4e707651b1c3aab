using Insula.Storage.Postgres;
using Insula.Storage.Sqlite;
using Insula.TestKit;

namespace Insula.Storage.Tests.Migrations;

public sealed class MigrationRulesTests
{
    private const string Pins = "tests/Insula.Storage.Tests/Migrations/landed.txt";

    private static IEnumerable<(string Name, string Sql, string Checksum)> Steps =>
    [
        .. Of("Postgres/Control", PgSchema.Control.Migrations.Select(static step => step.Text)),
        .. Of("Postgres/Tenant", PgSchema.Tenant.Migrations.Select(static step => step.Text)),
        .. Of("Sqlite/Control", Schema.Control.Migrations),
        .. Of("Sqlite/Tenant", Schema.Tenant.Migrations),
    ];

    [Fact]
    public void A_step_that_landed_is_never_changed()
    {
        var pinned = Repository.Read(Pins).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => !line.StartsWith('#')).Select(static line => line.Split(' ')).ToDictionary(static words => words[0], static words => words[1]);
        var steps = Steps.ToDictionary(static step => step.Name, static step => step.Checksum);

        // A store that has the step would be refused, or be another one than a store that is made now.
        Assert.Empty(pinned.Where(pin => steps.GetValueOrDefault(pin.Key) != pin.Value).Select(static pin => $"{pin.Key} landed in another form: restore it, and make the change a step of its own"));
        Assert.Empty(steps.Where(step => !pinned.ContainsKey(step.Key)).Select(static step => $"Add to {Pins}: {step.Key} {step.Value}"));
    }

    [Fact]
    public void A_step_that_expands_says_nothing_that_the_program_before_it_would_notice()
    {
        var expanding = PgSchema.Control.Migrations.Concat(PgSchema.Tenant.Migrations).Where(static step => step.Phase == "expand").ToList();
        Assert.NotEmpty(expanding);
        Assert.Empty(expanding.SelectMany(static step => ExpandRules.Broken(step.Text.Sql).Select(broken => $"{step.Text.Name}: {broken}")));
    }

    [Fact]
    public void No_step_meddles_with_the_walls()
    {
        // Policies and rights are raised by one class for all tables; a step of its own kind would only weaken them.
        string[] words = ["policy", "row level security", "grant ", "revoke ", "security definer", "owner to"];
        Assert.Empty(Steps.SelectMany(step => words.Where(word => step.Sql.Contains(word, StringComparison.OrdinalIgnoreCase)).Select(word => $"{step.Name} says '{word.Trim()}'")));
    }

    [Theory]
    [InlineData("drop table agents")]
    [InlineData("drop index agents_by_age")]
    [InlineData("alter table agents drop column name")]
    [InlineData("alter table agents rename to actors")]
    [InlineData("alter table agents rename column name to title")]
    [InlineData("alter table agents alter column name type varchar(20)")]
    [InlineData("alter table agents alter column name set not null")]
    [InlineData("ALTER TABLE agents\n  ALTER COLUMN archived_at SET NOT NULL")]
    [InlineData("alter table agents alter column name drop not null")]
    [InlineData("alter table agents add column colour text not null")]
    [InlineData("alter table agents add column colour text not null default null")]
    [InlineData("alter table agents add column size integer default 1, drop column name")]
    [InlineData("alter table agents add column mark bigserial")]
    [InlineData("alter table agents add column mark uuid not null default gen_random_uuid()")]
    [InlineData("alter table agents add column team text references teams (id)")]
    [InlineData("alter table agents add column code text unique")]
    [InlineData("alter table agents add column size integer check (size > 0)")]
    [InlineData("alter table agents add constraint small check (newest_version < 9)")]
    [InlineData("alter table agents add unique (name)")]
    [InlineData("alter table agents add foreign key (tenant_id) references tenants (tenant_id)")]
    [InlineData("create unique index agents_by_name on agents (tenant_id, name)")]
    [InlineData("create index concurrently agents_by_name on agents (tenant_id, name)")]
    [InlineData("create trigger noise before update on agents for each row execute function shout()")]
    [InlineData("delete from agents")]
    [InlineData("truncate agents")]
    [InlineData("/* create table agents ( */ drop table agents")]
    [InlineData("comment on table agents is 'a''; create table agents ('; drop table agents")]
    public void A_statement_that_the_program_before_would_notice_is_found(string sql) => Assert.NotEmpty(ExpandRules.Broken(sql));

    [Theory]
    [InlineData("create table teams (tenant_id text not null, team_id text not null unique, primary key (tenant_id, team_id)); create unique index teams_by_id on teams (team_id); alter table teams add constraint a check (team_id <> '')")]
    [InlineData("alter table agents add column colour text")]
    [InlineData("alter table agents add column colour text collate \"C\" not null default 'drop table agents; it is none'")]
    [InlineData("alter table agents add column price numeric(10, 2) not null default 0, add column note text -- drop column name")]
    [InlineData("alter table agents alter column name set default ''")]
    [InlineData("create index agents_by_name on agents (tenant_id, name)")]
    [InlineData("create sequence numbers; comment on sequence numbers is 'to be renamed'")]
    [InlineData("insert into teams select tenant_id, agent_id from agents; update agents set colour = 'red' where colour is null")]
    public void A_statement_that_only_expands_is_let_through(string sql) => Assert.Empty(ExpandRules.Broken(sql));

    private static IEnumerable<(string Name, string Sql, string Checksum)> Of(string folder, IEnumerable<Engine.Migration> steps) => steps.Select(step => ($"{folder}/{step.Name}", step.Sql, step.Checksum));
}
