-- phase: expand
-- The server that a tenant's data live on, and where the data of a plan's new tenants go (null: the installation's default).

alter table tenants add column server text not null default 'main';

alter table plans add column placement text;
