-- phase: expand
-- The control store: one per installation. Moments are whole 100 ns since 1970 (UTC); ids are their text.

create table tenants (
  tenant_id text collate "C" not null primary key,
  name text collate "C" not null,
  name_folded text collate "C" not null,
  email text collate "C",
  plan text collate "C" not null,
  placement text collate "C" not null,
  status text collate "C" not null,
  overrides text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  suspended_at bigint,
  suspended_reason text collate "C",
  server text collate "C" not null
);

create index tenants_by_age on tenants (created_at, tenant_id);

create table api_keys (
  tenant_id text collate "C" not null references tenants (tenant_id),
  key_id text collate "C" not null,
  name text collate "C" not null,
  handle text collate "C" not null unique,
  hash bytea not null,
  pepper_version integer not null,
  permissions integer not null,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  rotated_to text collate "C",
  primary key (tenant_id, key_id),
  foreign key (tenant_id, rotated_to) references api_keys (tenant_id, key_id)
);

create index api_keys_by_age on api_keys (tenant_id, created_at, key_id);
create index api_keys_by_id on api_keys (key_id);

create table operator_keys (
  handle text collate "C" not null primary key,
  hash bytea not null,
  pepper_version integer not null,
  created_at bigint not null
);

create table plans (
  name text collate "C" not null primary key,
  description text collate "C" not null,
  limits text collate "C" not null,
  features text collate "C" not null,
  placement text collate "C"
);

-- A trail is a tenant's id, or 'platform'; seq counts from 1 in it without gaps. Its head is the last number.
create table audit_heads (
  trail text collate "C" not null primary key,
  seq bigint not null
);

create table audit (
  trail text collate "C" not null,
  seq bigint not null,
  principal_kind text collate "C" not null,
  principal_name text collate "C" not null,
  action text collate "C" not null,
  target text collate "C" not null,
  detail text collate "C",
  at bigint not null,
  primary key (trail, seq)
);

-- Marks come from run_queue_marks and never repeat, so an entry that was removed and added again is a different one.
-- No reference to tenants: an entry without work is harmless.
create table run_queue (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  mark bigint not null,
  first_mark bigint not null,
  primary key (tenant_id, session_id)
);

create index run_queue_by_age on run_queue (first_mark);

create sequence run_queue_marks;
