-- What the migrations of this folder make, taken from an empty file. Written by SchemaTests; not run by anything.

CREATE TABLE api_keys (
  tenant_id text not null references tenants (tenant_id),
  key_id text not null,
  name text not null,
  handle text not null unique,
  hash blob not null,
  pepper_version integer not null,
  permissions integer not null,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  rotated_to text, limits text, member_id text,
  primary key (tenant_id, key_id),
  foreign key (tenant_id, rotated_to) references api_keys (tenant_id, key_id)
);

CREATE TABLE audit (
  trail text not null,
  seq bigint not null,
  principal_kind text not null,
  principal_name text not null,
  action text not null,
  target text not null,
  detail text,
  at bigint not null,
  primary key (trail, seq)
);

CREATE TABLE audit_heads (
  trail text not null primary key,
  seq bigint not null
);

CREATE TABLE billing_customers (
  tenant_id text not null,
  customer text not null,
  reported_micros bigint not null,
  primary key (tenant_id)
);

CREATE TABLE budget_holds (
  tenant_id text not null,
  hold_id text not null,
  session_id text not null,
  node text not null,
  micros bigint not null,
  path text not null,
  expires_at bigint not null,
  primary key (tenant_id, hold_id)
);

CREATE TABLE budget_notices (
  tenant_id text not null,
  notice_id text not null,
  budget_id text not null,
  percent integer not null,
  limit_micros bigint not null,
  spent_micros bigint not null,
  at bigint not null,
  primary key (tenant_id, notice_id)
);

CREATE TABLE budgets (
  tenant_id text not null,
  budget_id text not null,
  scope text not null,
  subject text not null,
  limit_micros bigint not null,
  period text not null,
  thresholds text not null,
  set_by text not null,
  mark bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  period_start bigint not null,
  spent_micros bigint not null default 0,
  held_micros bigint not null default 0,
  notified integer not null default 0,
  primary key (tenant_id, budget_id)
);

CREATE TABLE ledger_days (
  tenant_id text not null,
  day bigint not null,
  kind text not null,
  name text not null,
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

CREATE TABLE ledger_usage (
  tenant_id text not null,
  usage_id text not null,
  at bigint not null,
  kind text not null,
  name text not null,
  agent_id text not null,
  session_id text not null,
  run_id text not null,
  principal text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_micros bigint,
  price_version text,
  primary key (tenant_id, usage_id)
);

CREATE TABLE members (
  tenant_id text not null,
  member_id text not null,
  name text not null,
  email text,
  role text not null,
  limits text,
  created_at bigint not null,
  removed_at bigint,
  primary key (tenant_id, member_id)
);

CREATE TABLE meter_events (
  tenant_id text not null,
  event_id text not null,
  customer text not null,
  value bigint not null,
  at bigint not null,
  due_at bigint not null,
  attempts integer not null,
  begun_at bigint,
  error text,
  sent_at bigint,
  primary key (tenant_id, event_id)
);

CREATE TABLE operator_keys (
  handle text not null primary key,
  hash blob not null,
  pepper_version integer not null,
  created_at bigint not null
);

CREATE TABLE plans (
  name text not null primary key,
  description text not null,
  limits text not null,
  features text not null
, placement text);

CREATE TABLE prices (
  version text not null,
  name text not null,
  from_at bigint not null,
  set_at bigint not null,
  rates text not null,
  ceiling integer not null,
  primary key (version)
);

CREATE TABLE rate_grants (
  tenant_id text not null,
  caller text not null,
  class text not null,
  arrival bigint not null,
  granted bigint not null,
  primary key (tenant_id, caller, class)
);

CREATE TABLE request_days (
  tenant_id text not null,
  day bigint not null,
  requests bigint not null,
  denied bigint not null,
  timed bigint not null,
  latency_micros bigint not null,
  primary key (tenant_id, day)
);

CREATE TABLE run_queue (
  tenant_id text not null,
  session_id text not null,
  mark bigint not null,
  first_mark bigint not null, lease_node text, lease_until bigint not null default 0, priority integer not null default 0, ready_at bigint not null default 0, turn_at bigint not null default 0, abandoned integer not null default 0,
  primary key (tenant_id, session_id)
);

CREATE TABLE run_queue_clock (
  id integer not null primary key check (id = 1),
  mark bigint not null
);

CREATE TABLE schedule_alarms (
  tenant_id text not null,
  schedule_id text not null,
  due_at bigint not null,
  mark bigint not null,
  lease_node text,
  lease_until bigint not null default 0,
  primary key (tenant_id, schedule_id)
);

CREATE TABLE schema_migrations (
  version integer not null primary key,
  name text not null,
  checksum text not null,
  applied_at integer not null
);

CREATE TABLE tenant_levels (
  tenant_id text not null,
  at bigint not null,
  stored_bytes bigint not null,
  concepts bigint not null,
  percent bigint not null,
  fullest text not null, nearly_full text not null default '[]', quotas text not null default '[]',
  primary key (tenant_id)
);

CREATE TABLE tenants (
  tenant_id text not null primary key,
  name text not null,
  name_folded text not null,
  email text,
  plan text not null,
  placement text not null,
  status text not null,
  overrides text not null,
  created_at bigint not null,
  updated_at bigint not null,
  suspended_at bigint,
  suspended_reason text
, server text not null default 'main', add_ons text);

CREATE TABLE usage_marks (
  tenant_id text not null,
  mark bigint not null,
  since bigint not null,
  primary key (tenant_id)
);

CREATE TABLE webhook_deliveries (
  tenant_id text not null,
  delivery_id text not null,
  webhook_id text not null,
  body text not null,
  created_at bigint not null,
  due_at bigint not null,
  attempts integer not null,
  error text,
  arrived_at bigint, event text,
  primary key (tenant_id, delivery_id)
);

CREATE TABLE webhooks (
  tenant_id text not null,
  webhook_id text not null,
  url text not null,
  events text not null,
  pepper_version integer not null,
  created_at bigint not null,
  failing_since bigint,
  disabled_at bigint,
  primary key (tenant_id, webhook_id)
);

CREATE INDEX api_keys_by_age on api_keys (tenant_id, created_at, key_id);

CREATE INDEX budget_holds_by_expiry on budget_holds (expires_at);

CREATE INDEX budget_holds_by_node on budget_holds (node);

CREATE INDEX budget_holds_by_session on budget_holds (tenant_id, session_id);

CREATE INDEX budgets_set on budgets (tenant_id) where scope <> 'session_own';

CREATE INDEX ledger_usage_by_time on ledger_usage (tenant_id, at, usage_id);

CREATE INDEX members_by_age on members (tenant_id, created_at, member_id);

CREATE INDEX meter_events_due on meter_events (due_at) where sent_at is null;

CREATE INDEX run_queue_by_age on run_queue (first_mark);

CREATE INDEX run_queue_by_turn on run_queue (tenant_id, turn_at, first_mark);

CREATE INDEX run_queue_leased on run_queue (first_mark) where lease_node is not null;

CREATE INDEX schedule_alarms_by_due on schedule_alarms (due_at);

CREATE INDEX tenant_levels_by_percent on tenant_levels (percent);

CREATE INDEX tenants_by_age on tenants (created_at, tenant_id);

CREATE INDEX tenants_suspended on tenants (tenant_id) where status = 'suspended';

CREATE INDEX usage_marks_by_age on usage_marks (since);

CREATE INDEX webhook_deliveries_by_age on webhook_deliveries (created_at);

CREATE INDEX webhook_deliveries_by_webhook on webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id);

CREATE INDEX webhook_deliveries_due on webhook_deliveries (due_at) where arrived_at is null;
