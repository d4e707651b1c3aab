-- What the migrations of this folder make, and the walls around it, taken from an empty database. Written by PostgresSchemaTests; not run by anything.

create schema <schema> authorization <owner>;
grant usage on schema <schema> to <user>;

create table agent_versions (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  version integer not null,
  definition text collate "C" not null,
  updated_at bigint not null,
  constraint agent_versions_pkey PRIMARY KEY (tenant_id, agent_id, version),
  constraint agent_versions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, agent_id) ON DELETE CASCADE
);
alter table agent_versions enable row level security;
alter table agent_versions force row level security;
create policy tenant_isolation on agent_versions as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on agent_versions to <user>;

create table agents (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  name text collate "C" not null,
  newest_version integer not null,
  created_at bigint not null,
  archived_at bigint,
  constraint agents_pkey PRIMARY KEY (tenant_id, agent_id)
);
CREATE INDEX agents_by_age ON agents USING btree (tenant_id, created_at, agent_id);
alter table agents enable row level security;
alter table agents force row level security;
create policy tenant_isolation on agents as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on agents to <user>;

create table environments (
  tenant_id text collate "C" not null,
  environment_id text collate "C" not null,
  name text collate "C" not null,
  description text collate "C",
  config text collate "C" not null,
  metadata text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint,
  constraint environments_pkey PRIMARY KEY (tenant_id, environment_id)
);
CREATE INDEX environments_by_age ON environments USING btree (tenant_id, created_at, environment_id);
alter table environments enable row level security;
alter table environments force row level security;
create policy tenant_isolation on environments as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on environments to <user>;

create table events (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  seq bigint not null,
  event_id text collate "C" not null,
  type text collate "C" not null,
  body text collate "C" not null,
  created_at bigint not null,
  processed_at bigint,
  epoch bigint not null,
  run_id text collate "C",
  principal text collate "C",
  constraint events_pkey PRIMARY KEY (tenant_id, session_id, seq),
  constraint events_tenant_id_event_id_key UNIQUE (tenant_id, event_id),
  constraint events_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES sessions(tenant_id, session_id) ON DELETE CASCADE
);
CREATE INDEX events_unprocessed ON events USING btree (tenant_id, session_id, type) WHERE (processed_at IS NULL);
alter table events enable row level security;
alter table events force row level security;
create policy tenant_isolation on events as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on events to <user>;

create table heads (
  tenant_id text collate "C" not null,
  name text collate "C" not null,
  version bigint not null,
  constraint heads_pkey PRIMARY KEY (tenant_id, name)
);
alter table heads enable row level security;
alter table heads force row level security;
create policy tenant_isolation on heads as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on heads to <user>;

create table knowledge_passages (
  tenant_id text collate "C" not null,
  source_id text collate "C" not null,
  ordinal integer not null,
  heading text collate "C" not null,
  text text collate "C" not null,
  constraint knowledge_passages_pkey PRIMARY KEY (tenant_id, source_id, ordinal),
  constraint knowledge_passages_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id) REFERENCES knowledge_sources(tenant_id, source_id) ON DELETE CASCADE
);
alter table knowledge_passages enable row level security;
alter table knowledge_passages force row level security;
create policy tenant_isolation on knowledge_passages as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on knowledge_passages to <user>;

create table knowledge_sources (
  tenant_id text collate "C" not null,
  source_id text collate "C" not null,
  name text collate "C" not null,
  content_hash text collate "C" not null,
  media_type text collate "C" not null,
  bytes bigint not null,
  passages integer not null,
  metadata text collate "C" not null,
  learned_at bigint not null,
  constraint knowledge_sources_pkey PRIMARY KEY (tenant_id, source_id),
  constraint knowledge_sources_tenant_id_name_key UNIQUE (tenant_id, name)
);
CREATE INDEX knowledge_sources_by_age ON knowledge_sources USING btree (tenant_id, learned_at, source_id);
alter table knowledge_sources enable row level security;
alter table knowledge_sources force row level security;
create policy tenant_isolation on knowledge_sources as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on knowledge_sources to <user>;

create table quota_counters (
  tenant_id text collate "C" not null,
  kind text collate "C" not null,
  used bigint not null,
  constraint quota_counters_pkey PRIMARY KEY (tenant_id, kind)
);
alter table quota_counters enable row level security;
alter table quota_counters force row level security;
create policy tenant_isolation on quota_counters as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on quota_counters to <user>;

create table runs (
  tenant_id text collate "C" not null,
  run_id text collate "C" not null,
  session_id text collate "C" not null,
  status text collate "C" not null,
  stop_reason text collate "C",
  steps integer not null,
  started_at bigint not null,
  ended_at bigint,
  queued_at bigint default 0 not null,
  input_tokens bigint default 0 not null,
  output_tokens bigint default 0 not null,
  cache_read_tokens bigint default 0 not null,
  cache_write_tokens bigint default 0 not null,
  error text collate "C",
  constraint runs_pkey PRIMARY KEY (tenant_id, run_id),
  constraint runs_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES sessions(tenant_id, session_id) ON DELETE CASCADE
);
CREATE INDEX runs_by_age ON runs USING btree (tenant_id, queued_at, run_id);
CREATE INDEX runs_by_session ON runs USING btree (tenant_id, session_id, started_at);
CREATE INDEX runs_not_over ON runs USING btree (tenant_id, session_id) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text]));
alter table runs enable row level security;
alter table runs force row level security;
create policy tenant_isolation on runs as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on runs to <user>;

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
  constraint schedule_firings_pkey PRIMARY KEY (tenant_id, firing_id),
  constraint schedule_firings_tenant_id_schedule_id_fkey FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedules(tenant_id, schedule_id) ON DELETE CASCADE
);
CREATE INDEX schedule_firings_by_time ON schedule_firings USING btree (tenant_id, schedule_id, scheduled_for, firing_id);
alter table schedule_firings enable row level security;
alter table schedule_firings force row level security;
create policy tenant_isolation on schedule_firings as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on schedule_firings to <user>;

create table schedules (
  tenant_id text collate "C" not null,
  schedule_id text collate "C" not null,
  agent_id text collate "C",
  definition text collate "C" not null,
  paused_at bigint,
  settled_until bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  constraint schedules_pkey PRIMARY KEY (tenant_id, schedule_id)
);
CREATE INDEX schedules_by_age ON schedules USING btree (tenant_id, created_at, schedule_id);
alter table schedules enable row level security;
alter table schedules force row level security;
create policy tenant_isolation on schedules as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on schedules to <user>;

create table sessions (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  agent_id text collate "C" not null,
  agent_version integer not null,
  agent text collate "C" not null,
  environment_id text collate "C" not null,
  title text collate "C",
  metadata text collate "C" not null,
  budget text collate "C",
  status text collate "C" not null,
  last_seq bigint not null,
  epoch bigint not null,
  pending_input boolean not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  active_seconds double precision not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint,
  forked_from text collate "C",
  forked_at bigint,
  parent_session text collate "C",
  parent_run text collate "C",
  parent_call text collate "C",
  open_run_id text collate "C",
  constraint sessions_pkey PRIMARY KEY (tenant_id, session_id)
);
CREATE INDEX sessions_by_age ON sessions USING btree (tenant_id, created_at, session_id);
CREATE INDEX sessions_by_origin ON sessions USING btree (tenant_id, forked_from) WHERE (forked_from IS NOT NULL);
CREATE INDEX sessions_by_parent ON sessions USING btree (tenant_id, parent_session) WHERE (parent_session IS NOT NULL);
alter table sessions enable row level security;
alter table sessions force row level security;
create policy tenant_isolation on sessions as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on sessions to <user>;

create table usage_outbox (
  tenant_id text collate "C" not null,
  usage_id text collate "C" not null,
  session_id text collate "C" not null,
  run_id text collate "C" not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  at bigint not null,
  agent_id text collate "C",
  principal text collate "C",
  reasoning_tokens bigint default 0 not null,
  cost_micros bigint,
  price_version text collate "C",
  constraint usage_outbox_pkey PRIMARY KEY (tenant_id, usage_id)
);
alter table usage_outbox enable row level security;
alter table usage_outbox force row level security;
create policy tenant_isolation on usage_outbox as permissive for all to public
  using ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)))
  with check ((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)));
grant delete, insert, select, update on usage_outbox to <user>;
