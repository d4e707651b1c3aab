-- What the migrations of this folder make, and the walls around it, taken from an empty database. Written by PostgresSchemaTests; not run by anything.

create schema <schema> authorization <owner>;
grant usage on schema <schema> to <user>;

create sequence run_queue_marks as bigint start 1 increment 1 minvalue 1 maxvalue 9223372036854775807 cache 1;
grant usage on sequence run_queue_marks to <user>;

create table api_keys (
  tenant_id text collate "C" not null,
  key_id text collate "C" not null,
  name text collate "C" not null,
  handle text collate "C" not null,
  hash bytea not null,
  pepper_version integer not null,
  permissions integer not null,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  rotated_to text collate "C",
  limits text collate "C",
  member_id text collate "C",
  constraint api_keys_pkey PRIMARY KEY (tenant_id, key_id),
  constraint api_keys_handle_key UNIQUE (handle),
  constraint api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id),
  constraint api_keys_tenant_id_rotated_to_fkey FOREIGN KEY (tenant_id, rotated_to) REFERENCES api_keys(tenant_id, key_id)
);
CREATE INDEX api_keys_by_age ON api_keys USING btree (tenant_id, created_at, key_id);
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy tenant_isolation on api_keys as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on api_keys to <user>;

create table audit (
  trail text collate "C" not null,
  seq bigint not null,
  principal_kind text collate "C" not null,
  principal_name text collate "C" not null,
  action text collate "C" not null,
  target text collate "C" not null,
  detail text collate "C",
  at bigint not null,
  constraint audit_pkey PRIMARY KEY (trail, seq)
);
alter table audit enable row level security;
alter table audit force row level security;
create policy tenant_isolation on audit as permissive for all to public
  using (((trail = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((trail = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant insert, select on audit to <user>;

create table audit_heads (
  trail text collate "C" not null,
  seq bigint not null,
  constraint audit_heads_pkey PRIMARY KEY (trail)
);
alter table audit_heads enable row level security;
alter table audit_heads force row level security;
create policy tenant_isolation on audit_heads as permissive for all to public
  using (((trail = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((trail = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on audit_heads to <user>;

create table billing_customers (
  tenant_id text collate "C" not null,
  customer text collate "C" not null,
  reported_micros bigint not null,
  constraint billing_customers_pkey PRIMARY KEY (tenant_id)
);
alter table billing_customers enable row level security;
alter table billing_customers force row level security;
create policy tenant_isolation on billing_customers as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on billing_customers to <user>;

create table budget_holds (
  tenant_id text collate "C" not null,
  hold_id text collate "C" not null,
  session_id text collate "C" not null,
  node text collate "C" not null,
  micros bigint not null,
  path text not null,
  expires_at bigint not null,
  constraint budget_holds_pkey PRIMARY KEY (tenant_id, hold_id)
);
CREATE INDEX budget_holds_by_expiry ON budget_holds USING btree (expires_at);
CREATE INDEX budget_holds_by_node ON budget_holds USING btree (node);
CREATE INDEX budget_holds_by_session ON budget_holds USING btree (tenant_id, session_id);
alter table budget_holds enable row level security;
alter table budget_holds force row level security;
create policy tenant_isolation on budget_holds as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on budget_holds to <user>;

create table budget_notices (
  tenant_id text collate "C" not null,
  notice_id text collate "C" not null,
  budget_id text collate "C" not null,
  percent integer not null,
  limit_micros bigint not null,
  spent_micros bigint not null,
  at bigint not null,
  constraint budget_notices_pkey PRIMARY KEY (tenant_id, notice_id)
);
alter table budget_notices enable row level security;
alter table budget_notices force row level security;
create policy tenant_isolation on budget_notices as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on budget_notices to <user>;

create table budgets (
  tenant_id text collate "C" not null,
  budget_id text collate "C" not null,
  scope text collate "C" not null,
  subject text collate "C" not null,
  limit_micros bigint not null,
  period text collate "C" not null,
  thresholds text not null,
  set_by text not null,
  mark bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  period_start bigint not null,
  spent_micros bigint default 0 not null,
  held_micros bigint default 0 not null,
  notified integer default 0 not null,
  constraint budgets_pkey PRIMARY KEY (tenant_id, budget_id)
);
CREATE INDEX budgets_set ON budgets USING btree (tenant_id) WHERE (scope <> 'session_own'::text);
alter table budgets enable row level security;
alter table budgets force row level security;
create policy tenant_isolation on budgets as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on budgets to <user>;

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
  constraint ledger_days_pkey PRIMARY KEY (tenant_id, day, kind, name)
);
alter table ledger_days enable row level security;
alter table ledger_days force row level security;
create policy tenant_isolation on ledger_days as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on ledger_days to <user>;

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
  constraint ledger_usage_pkey PRIMARY KEY (tenant_id, usage_id)
);
CREATE INDEX ledger_usage_by_time ON ledger_usage USING btree (tenant_id, at, usage_id);
alter table ledger_usage enable row level security;
alter table ledger_usage force row level security;
create policy tenant_isolation on ledger_usage as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on ledger_usage to <user>;

create table members (
  tenant_id text collate "C" not null,
  member_id text collate "C" not null,
  name text collate "C" not null,
  email text collate "C",
  role text collate "C" not null,
  limits text collate "C",
  created_at bigint not null,
  removed_at bigint,
  constraint members_pkey PRIMARY KEY (tenant_id, member_id)
);
CREATE INDEX members_by_age ON members USING btree (tenant_id, created_at, member_id);
alter table members enable row level security;
alter table members force row level security;
create policy tenant_isolation on members as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on members to <user>;

create table meter_events (
  tenant_id text collate "C" not null,
  event_id text collate "C" not null,
  customer text collate "C" not null,
  value bigint not null,
  at bigint not null,
  due_at bigint not null,
  attempts integer not null,
  begun_at bigint,
  error text collate "C",
  sent_at bigint,
  constraint meter_events_pkey PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX meter_events_due ON meter_events USING btree (due_at) WHERE (sent_at IS NULL);
alter table meter_events enable row level security;
alter table meter_events force row level security;
create policy tenant_isolation on meter_events as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on meter_events to <user>;

create table operator_keys (
  handle text collate "C" not null,
  hash bytea not null,
  pepper_version integer not null,
  created_at bigint not null,
  constraint operator_keys_pkey PRIMARY KEY (handle)
);
alter table operator_keys enable row level security;
alter table operator_keys force row level security;
create policy tenant_isolation on operator_keys as permissive for all to public
  using ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text))
  with check ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text));
grant delete, insert, select, update on operator_keys to <user>;

create table plans (
  name text collate "C" not null,
  description text collate "C" not null,
  limits text collate "C" not null,
  features text collate "C" not null,
  placement text collate "C",
  constraint plans_pkey PRIMARY KEY (name)
);
alter table plans enable row level security;
alter table plans force row level security;
create policy tenant_isolation on plans as permissive for all to public
  using ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text))
  with check ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text));
grant delete, insert, select, update on plans to <user>;

create table prices (
  version text collate "C" not null,
  name text collate "C" not null,
  from_at bigint not null,
  set_at bigint not null,
  rates text collate "C" not null,
  ceiling integer not null,
  constraint prices_pkey PRIMARY KEY (version)
);
alter table prices enable row level security;
alter table prices force row level security;
create policy tenant_isolation on prices as permissive for all to public
  using ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text))
  with check ((( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text));
grant delete, insert, select, update on prices to <user>;

create table rate_grants (
  tenant_id text collate "C" not null,
  caller text collate "C" not null,
  class text collate "C" not null,
  arrival bigint not null,
  granted bigint not null,
  constraint rate_grants_pkey PRIMARY KEY (tenant_id, caller, class)
);
alter table rate_grants enable row level security;
alter table rate_grants force row level security;
create policy tenant_isolation on rate_grants as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on rate_grants to <user>;

create table request_days (
  tenant_id text collate "C" not null,
  day bigint not null,
  requests bigint not null,
  denied bigint not null,
  timed bigint not null,
  latency_micros bigint not null,
  constraint request_days_pkey PRIMARY KEY (tenant_id, day)
);
alter table request_days enable row level security;
alter table request_days force row level security;
create policy tenant_isolation on request_days as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on request_days to <user>;

create table run_queue (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  mark bigint not null,
  first_mark bigint not null,
  lease_node text collate "C",
  lease_until bigint default 0 not null,
  priority integer default 0 not null,
  ready_at bigint default 0 not null,
  turn_at bigint default 0 not null,
  abandoned integer default 0 not null,
  charged double precision,
  constraint run_queue_pkey PRIMARY KEY (tenant_id, session_id)
);
CREATE INDEX run_queue_by_age ON run_queue USING btree (first_mark);
CREATE INDEX run_queue_by_turn ON run_queue USING btree (tenant_id, turn_at, first_mark);
CREATE INDEX run_queue_held ON run_queue USING btree (tenant_id) WHERE (lease_node IS NOT NULL);
CREATE INDEX run_queue_leased ON run_queue USING btree (first_mark) WHERE (lease_node IS NOT NULL);
alter table run_queue enable row level security;
alter table run_queue force row level security;
create policy tenant_isolation on run_queue as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on run_queue to <user>;

create table run_shares (
  tenant_id text collate "C" not null,
  concurrent integer default 1 not null,
  weight double precision default 1 not null,
  minimum integer default 0 not null,
  pass double precision default 0 not null,
  start_pass double precision default 0 not null,
  cost double precision default 1 not null,
  contests boolean default false not null,
  constraint run_shares_pkey PRIMARY KEY (tenant_id)
);
CREATE INDEX run_shares_by_start ON run_shares USING btree (start_pass);
alter table run_shares enable row level security;
alter table run_shares force row level security;
create policy tenant_isolation on run_shares as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on run_shares to <user>;

create table schedule_alarms (
  tenant_id text collate "C" not null,
  schedule_id text collate "C" not null,
  due_at bigint not null,
  mark bigint not null,
  lease_node text collate "C",
  lease_until bigint default 0 not null,
  constraint schedule_alarms_pkey PRIMARY KEY (tenant_id, schedule_id)
);
CREATE INDEX schedule_alarms_by_due ON schedule_alarms USING btree (due_at);
alter table schedule_alarms enable row level security;
alter table schedule_alarms force row level security;
create policy tenant_isolation on schedule_alarms as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on schedule_alarms to <user>;

create table tenant_levels (
  tenant_id text collate "C" not null,
  at bigint not null,
  stored_bytes bigint not null,
  concepts bigint not null,
  percent bigint not null,
  fullest text collate "C" not null,
  nearly_full text collate "C" default '[]'::text not null,
  quotas text collate "C" default '[]'::text not null,
  constraint tenant_levels_pkey PRIMARY KEY (tenant_id)
);
CREATE INDEX tenant_levels_by_percent ON tenant_levels USING btree (percent);
alter table tenant_levels enable row level security;
alter table tenant_levels force row level security;
create policy tenant_isolation on tenant_levels as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on tenant_levels to <user>;

create table tenants (
  tenant_id text collate "C" not null,
  name text collate "C" not null,
  name_folded text collate "C" not null,
  email text collate "C",
  plan text collate "C" not null,
  placement text collate "C" not null,
  status text collate "C" not null,
  overrides text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  suspended_at bigint,
  suspended_reason text collate "C",
  server text collate "C" not null,
  add_ons text collate "C",
  constraint tenants_pkey PRIMARY KEY (tenant_id)
);
CREATE INDEX tenants_by_age ON tenants USING btree (created_at, tenant_id);
CREATE INDEX tenants_suspended ON tenants USING btree (tenant_id) WHERE (status = 'suspended'::text);
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant_isolation on tenants as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on tenants to <user>;

create table usage_marks (
  tenant_id text collate "C" not null,
  mark bigint not null,
  since bigint not null,
  constraint usage_marks_pkey PRIMARY KEY (tenant_id)
);
CREATE INDEX usage_marks_by_age ON usage_marks USING btree (since);
alter table usage_marks enable row level security;
alter table usage_marks force row level security;
create policy tenant_isolation on usage_marks as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on usage_marks to <user>;

create table webhook_deliveries (
  tenant_id text collate "C" not null,
  delivery_id text collate "C" not null,
  webhook_id text collate "C" not null,
  body text collate "C" not null,
  created_at bigint not null,
  due_at bigint not null,
  attempts integer not null,
  error text collate "C",
  arrived_at bigint,
  event text collate "C",
  constraint webhook_deliveries_pkey PRIMARY KEY (tenant_id, delivery_id)
);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries USING btree (created_at);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries USING btree (tenant_id, webhook_id, created_at, delivery_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries USING btree (due_at) WHERE (arrived_at IS NULL);
alter table webhook_deliveries enable row level security;
alter table webhook_deliveries force row level security;
create policy tenant_isolation on webhook_deliveries as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on webhook_deliveries to <user>;

create table webhooks (
  tenant_id text collate "C" not null,
  webhook_id text collate "C" not null,
  url text collate "C" not null,
  events text collate "C" not null,
  pepper_version integer not null,
  created_at bigint not null,
  failing_since bigint,
  disabled_at bigint,
  constraint webhooks_pkey PRIMARY KEY (tenant_id, webhook_id)
);
alter table webhooks enable row level security;
alter table webhooks force row level security;
create policy tenant_isolation on webhooks as permissive for all to public
  using (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)))
  with check (((tenant_id = NULLIF(current_setting('insula.tenant'::text, true), ''::text)) OR (( SELECT current_setting('insula.platform'::text, true) AS current_setting) = 'on'::text)));
grant delete, insert, select, update on webhooks to <user>;
