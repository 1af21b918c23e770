-- Whoever writes requests locks their tenants first, all at once; a check for each row costs more
-- than the row.
alter table provisioning drop constraint provisioning_tenant_fkey;
alter table provisioning_body drop constraint provisioning_body_tenant_fkey;
