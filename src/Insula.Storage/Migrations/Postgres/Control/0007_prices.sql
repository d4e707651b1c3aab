-- phase: expand
-- Prices that the operator put by API. A version is added and never changed: what was used under it names it.

create table prices (
  version text collate "C" not null,
  name text collate "C" not null,
  from_at bigint not null,
  set_at bigint not null,
  rates text collate "C" not null,
  ceiling integer not null,
  primary key (version)
);
