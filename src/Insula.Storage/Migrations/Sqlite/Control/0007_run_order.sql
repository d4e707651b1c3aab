-- When an entry of the queue is ready, and its place among its tenant's. Moments are by the store's clock. turn_at is ready_at
-- less a minute for each level of priority, so that age makes up for priority and the order never has to be made anew.
-- abandoned counts the holders in a row whose lease ended without being given back.

alter table run_queue add column priority integer not null default 0;

alter table run_queue add column ready_at bigint not null default 0;

alter table run_queue add column turn_at bigint not null default 0;

alter table run_queue add column abandoned integer not null default 0;

create index run_queue_by_turn on run_queue (tenant_id, turn_at, first_mark);
