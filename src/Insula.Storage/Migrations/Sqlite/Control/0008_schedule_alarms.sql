-- phase: expand
-- When somebody has to look at a schedule, and which node does until when. No reference to tenants: a look for nothing is
-- harmless. The mark changes with every wake.

create table schedule_alarms (
  tenant_id text not null,
  schedule_id text not null,
  due_at bigint not null,
  mark bigint not null,
  lease_node text,
  lease_until bigint not null default 0,
  primary key (tenant_id, schedule_id)
);

create index schedule_alarms_by_due on schedule_alarms (due_at);
