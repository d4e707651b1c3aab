-- phase: expand
-- When an entry of the queue is ready, and its place among its tenant's. Moments are by the server's clock. turn_at is ready_at
-- less a minute for each level of priority, so that age makes up for priority and the order never has to be made anew.
-- abandoned counts the holders in a row whose lease ended without being given back. charged is what the tenant's pass was
-- advanced by when the lease was taken, to be replaced by the real cost; null when the worker was one of its minimum.

alter table run_queue add column priority integer not null default 0;

alter table run_queue add column ready_at bigint not null default 0;

alter table run_queue add column turn_at bigint not null default 0;

alter table run_queue add column abandoned integer not null default 0;

alter table run_queue add column charged double precision;

create index run_queue_by_turn on run_queue (tenant_id, turn_at, first_mark);

create index run_queue_held on run_queue (tenant_id) where lease_node is not null;

-- What each tenant is entitled to of the workers, and what it has had of them: its pass, in seconds of a worker by weight.
-- start_pass is where its last turn began, cost the running average of what one lease costs; a tenant is in the contest
-- from a turn until it has nothing in the queue, or no worker more to take.
create table run_shares (
  tenant_id text collate "C" not null primary key,
  concurrent integer not null default 1,
  weight double precision not null default 1,
  minimum integer not null default 0,
  pass double precision not null default 0,
  start_pass double precision not null default 0,
  cost double precision not null default 1,
  contests boolean not null default false
);

create index run_shares_by_start on run_shares (start_pass);

insert into run_shares (tenant_id) select distinct tenant_id from run_queue;
