-- phase: expand
-- Which customer of the billing provider a tenant is, up to what cost it was reported, and the reports on their way. A report
-- comes to be in the transaction that moves the mark, so no cost is in two.

create table billing_customers (
  tenant_id text collate "C" not null,
  customer text collate "C" not null,
  reported_micros bigint not null,
  primary key (tenant_id)
);

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
  primary key (tenant_id, event_id)
);

create index meter_events_due on meter_events (due_at) where sent_at is null;
