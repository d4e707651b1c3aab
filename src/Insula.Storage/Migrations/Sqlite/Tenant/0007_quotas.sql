-- How much of a quota is used, where counting anew for each change would take too long. A row is made, and counted anew,
-- when a process first needs it.

create table quota_counters (
  tenant_id text not null,
  kind text not null,
  used bigint not null,
  primary key (tenant_id, kind)
);
