-- phase: expand
-- Which node works on a queued session, and until when by the server's clock; 0 when it gave it up.

alter table run_queue add column lease_node text collate "C";

alter table run_queue add column lease_until bigint not null default 0;

create index run_queue_leased on run_queue (first_mark) where lease_node is not null;
