-- Versions of what others keep as a view in memory, by name: 'knowledge' grows with each change of the tenant's knowledge,
-- in the same transaction, so that a view can be told from a current one. No row: nothing changed since this table is there.

create table heads (
  tenant_id text not null,
  name text not null,
  version bigint not null,
  primary key (tenant_id, name)
);
