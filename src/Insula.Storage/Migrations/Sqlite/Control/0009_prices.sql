-- phase: expand
-- Prices that the operator put by API. A version is added and never changed: what was used under it names it.

create table prices (
  version text not null,
  name text not null,
  from_at bigint not null,
  set_at bigint not null,
  rates text not null,
  ceiling integer not null,
  primary key (version)
);
