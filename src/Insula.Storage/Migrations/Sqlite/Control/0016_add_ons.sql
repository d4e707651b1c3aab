-- More of some limits of a tenant for a time, as a list in JSON; null for none.

alter table tenants add column add_ons text;
