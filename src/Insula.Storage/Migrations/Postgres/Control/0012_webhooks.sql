-- phase: expand
-- Addresses that tenants have told of events, and what is on its way to them. A delivery that arrived stays for a while without
-- its body, so that its event does not come in again. No reference between the two: a delivery without a webhook is not sent.

create table webhooks (
  tenant_id text collate "C" not null,
  webhook_id text collate "C" not null,
  url text collate "C" not null,
  events text collate "C" not null,
  pepper_version integer not null,
  created_at bigint not null,
  failing_since bigint,
  disabled_at bigint,
  primary key (tenant_id, webhook_id)
);

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
  primary key (tenant_id, delivery_id)
);

create index webhook_deliveries_due on webhook_deliveries (due_at) where arrived_at is null;
create index webhook_deliveries_by_age on webhook_deliveries (created_at);
