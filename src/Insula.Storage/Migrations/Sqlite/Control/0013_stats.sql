-- phase: expand
-- How a tenant's requests went, by day, and how much it kept when it was last looked at. Counts of the last minute live in the
-- nodes' memory.

create table request_days (
  tenant_id text not null,
  day bigint not null,
  requests bigint not null,
  denied bigint not null,
  timed bigint not null,
  latency_micros bigint not null,
  primary key (tenant_id, day)
);

create table tenant_levels (
  tenant_id text not null,
  at bigint not null,
  stored_bytes bigint not null,
  concepts bigint not null,
  percent bigint not null,
  fullest text not null,
  primary key (tenant_id)
);

create index tenant_levels_by_percent on tenant_levels (percent);
