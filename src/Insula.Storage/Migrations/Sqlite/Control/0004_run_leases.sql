-- Which node works on a queued session, and until when by the store's clock; 0 when it gave it up.
-- Both columns are what they are on PostgreSQL. Here one process holds the folder, so leases end only with it.

alter table run_queue add column lease_node text;

alter table run_queue add column lease_until bigint not null default 0;

create index run_queue_leased on run_queue (first_mark) where lease_node is not null;
