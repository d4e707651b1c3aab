-- The control store: one per installation. Moments are whole 100 ns since 1970 (UTC); ids are their text.

create table tenants (
  tenant_id text not null primary key,
  name text not null,
  name_folded text not null,
  email text,
  plan text not null,
  placement text not null,
  status text not null,
  overrides text not null,
  created_at bigint not null,
  updated_at bigint not null,
  suspended_at bigint,
  suspended_reason text
);

create index tenants_by_age on tenants (created_at, tenant_id);

create table api_keys (
  tenant_id text not null references tenants (tenant_id),
  key_id text not null,
  name text not null,
  handle text not null unique,
  hash blob not null,
  pepper_version integer not null,
  permissions integer not null,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  rotated_to text,
  primary key (tenant_id, key_id),
  foreign key (tenant_id, rotated_to) references api_keys (tenant_id, key_id)
);

create index api_keys_by_age on api_keys (tenant_id, created_at, key_id);
create index api_keys_by_id on api_keys (key_id);

create table operator_keys (
  handle text not null primary key,
  hash blob not null,
  pepper_version integer not null,
  created_at bigint not null
);

create table plans (
  name text not null primary key,
  description text not null,
  limits text not null,
  features text not null
);

-- A trail is a tenant's id, or 'platform'; seq counts from 1 in it without gaps.
create table audit (
  trail text not null,
  seq bigint not null,
  principal_kind text not null,
  principal_name text not null,
  action text not null,
  target text not null,
  detail text,
  at bigint not null,
  primary key (trail, seq)
);

-- Marks come from run_queue_clock and never repeat, so an entry that was removed and added again is a different one.
-- No reference to tenants: an entry without work is harmless.
create table run_queue (
  tenant_id text not null,
  session_id text not null,
  mark bigint not null,
  first_mark bigint not null,
  primary key (tenant_id, session_id)
);

create index run_queue_by_age on run_queue (first_mark);

create table run_queue_clock (
  id integer not null primary key check (id = 1),
  mark bigint not null
);

insert into run_queue_clock (id, mark) values (1, 0);
