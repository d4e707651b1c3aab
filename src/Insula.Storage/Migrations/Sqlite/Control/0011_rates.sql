-- Rates of single keys, and what nodes would count together: for each caller (a key's id, or empty for the tenant) and class
-- the arrival time of the rate limit, in ticks, and how much of it was granted last.

alter table api_keys add column limits text;

create table rate_grants (
  tenant_id text not null,
  caller text not null,
  class text not null,
  arrival bigint not null,
  granted bigint not null,
  primary key (tenant_id, caller, class)
);
