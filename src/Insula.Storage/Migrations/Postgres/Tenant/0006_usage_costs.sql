-- phase: expand
-- Whose work was used, and what it cost by which price. Who sent an input stands with it: what its run uses is counted under that.

alter table usage_outbox add column agent_id text collate "C";
alter table usage_outbox add column principal text collate "C";
alter table usage_outbox add column reasoning_tokens bigint not null default 0;
alter table usage_outbox add column cost_micros bigint;
alter table usage_outbox add column price_version text collate "C";
alter table events add column principal text collate "C";
