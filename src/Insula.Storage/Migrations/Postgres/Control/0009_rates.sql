-- phase: expand
-- Rates of single keys, and what the nodes count together: for each caller (a key's id, or empty for the tenant) and class
-- the arrival time of the rate limit, in ticks by the server's clock, and how much of it was granted last. Rows of tenants
-- that are gone do no harm.

alter table api_keys add column limits text collate "C";

create table rate_grants (
  tenant_id text collate "C" not null,
  caller text collate "C" not null,
  class text collate "C" not null,
  arrival bigint not null,
  granted bigint not null,
  primary key (tenant_id, caller, class)
);
