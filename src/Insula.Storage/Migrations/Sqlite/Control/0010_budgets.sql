-- phase: expand
-- Budgets: what a node of the tree may spend in a period, has spent in it, and has set aside for steps under way. The
-- platform's own has the empty tenant. The mark tells a budget from an earlier one of the same name, whose holds are not its.

create table budgets (
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

create index budgets_set on budgets (tenant_id) where scope <> 'session_own';

-- What a step under way has set aside, under the id of the usage row that settles it. The path lists the budgets that it is
-- set aside from, each with its mark.
create table budget_holds (
  tenant_id text not null,
  hold_id text not null,
  session_id text not null,
  node text not null,
  micros bigint not null,
  path text not null,
  expires_at bigint not null,
  primary key (tenant_id, hold_id)
);

create index budget_holds_by_session on budget_holds (tenant_id, session_id);

create index budget_holds_by_node on budget_holds (node);

create index budget_holds_by_expiry on budget_holds (expires_at);

-- Thresholds that budgets reached, for whoever tells people.
create table budget_notices (
  tenant_id text not null,
  notice_id text not null,
  budget_id text not null,
  percent integer not null,
  limit_micros bigint not null,
  spent_micros bigint not null,
  at bigint not null,
  primary key (tenant_id, notice_id)
);
