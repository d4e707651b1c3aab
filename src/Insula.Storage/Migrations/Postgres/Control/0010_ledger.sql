-- phase: expand
-- What was used, once by its id, and its sums by day, which change in the same transaction. A mark says that a tenant may have
-- usage that is not in the ledger yet; it changes with every marking. No references: what was used is owed after all else is gone.

create table ledger_usage (
  tenant_id text collate "C" not null,
  usage_id text collate "C" not null,
  at bigint not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  agent_id text collate "C" not null,
  session_id text collate "C" not null,
  run_id text collate "C" not null,
  principal text collate "C" not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_micros bigint,
  price_version text collate "C",
  primary key (tenant_id, usage_id)
);

create index ledger_usage_by_time on ledger_usage (tenant_id, at, usage_id);

create table ledger_days (
  tenant_id text collate "C" not null,
  day bigint not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  items bigint not null,
  unpriced bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_micros bigint not null,
  primary key (tenant_id, day, kind, name)
);

create table usage_marks (
  tenant_id text collate "C" not null,
  mark bigint not null,
  since bigint not null,
  primary key (tenant_id)
);

create index usage_marks_by_age on usage_marks (since);
