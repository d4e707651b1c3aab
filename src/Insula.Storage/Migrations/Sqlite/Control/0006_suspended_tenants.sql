-- Every pass over the queue leaves out the suspended tenants, which are few: not by a look at all tenants.

create index tenants_suspended on tenants (tenant_id) where status = 'suspended';
