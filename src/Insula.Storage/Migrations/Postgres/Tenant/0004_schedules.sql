-- phase: expand
-- What fires by the clock, and what became of each moment. A definition is JSON; agent_id stands beside it for the list.
-- settled_until: every moment up to it has its line. event_id: the first event that the firing sent, which tells its run.

create table schedules (
  tenant_id text collate "C" not null,
  schedule_id text collate "C" not null,
  agent_id text collate "C",
  definition text collate "C" not null,
  paused_at bigint,
  settled_until bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (tenant_id, schedule_id)
);

create index schedules_by_age on schedules (tenant_id, created_at, schedule_id);

-- No reference to sessions or events: the history outlives both.
create table schedule_firings (
  tenant_id text collate "C" not null,
  firing_id text collate "C" not null,
  schedule_id text collate "C" not null,
  scheduled_for bigint not null,
  since bigint not null,
  moments bigint not null,
  is_manual boolean not null,
  outcome text collate "C" not null,
  reason text collate "C",
  settled_at bigint,
  session_id text collate "C",
  event_id text collate "C",
  primary key (tenant_id, firing_id),
  foreign key (tenant_id, schedule_id) references schedules (tenant_id, schedule_id) on delete cascade
);

create index schedule_firings_by_time on schedule_firings (tenant_id, schedule_id, scheduled_for, firing_id);
