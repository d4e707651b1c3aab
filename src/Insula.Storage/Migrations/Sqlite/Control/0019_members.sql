-- phase: expand
-- Persons in a tenant, for whom keys are made. The line of one who was removed stays, since usage and the trail name it. No
-- reference from keys to members: both stay for good, and a key's member is checked when the key is made.

create table members (
  tenant_id text not null,
  member_id text not null,
  name text not null,
  email text,
  role text not null,
  limits text,
  created_at bigint not null,
  removed_at bigint,
  primary key (tenant_id, member_id)
);

create index members_by_age on members (tenant_id, created_at, member_id);

alter table api_keys add column member_id text;
