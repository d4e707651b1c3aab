-- phase: expand
-- Deliveries are listed by webhook, with the event that they tell of; null on those from before.

alter table webhook_deliveries add column event text collate "C";

create index webhook_deliveries_by_webhook on webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id);
