-- Keeps users and memberships in tables of the application, in the PostgreSQL database that scimd uses. Run it repeatedly,
-- such as once a second: psql -v ON_ERROR_STOP=1 -f consumer.sql DATABASE
begin;
create table if not exists app_user (tenant text, id uuid primary key, login text, full_name text, active boolean);
create table if not exists app_member (tenant text, group_id uuid, member_id uuid, primary key (group_id, member_id));
create table if not exists app_position (position bigint not null);
lock table app_position in exclusive mode; -- one run at a time

-- At the first run, and if the next events were deleted or the database was restored: the newest position, then all rows.
create temporary table anew on commit drop as
  select feed.newest from (select coalesce(min(position), 0) as oldest, coalesce(max(position), 0) as newest from directory_events) feed
  where not exists (select 1 from app_position where position between feed.oldest - 1 and feed.newest);
delete from app_user where exists (select 1 from anew);
delete from app_member where exists (select 1 from anew);
delete from app_position where exists (select 1 from anew);
insert into app_position select newest from anew;
insert into app_user select tenant, id, login, full_name, active from directory_users where exists (select 1 from anew);
insert into app_member select tenant, group_id, coalesce(user_id, member_group_id) from directory_memberships
  where exists (select 1 from anew);

-- Changes since then, and the affected pairs of group and member.
create temporary table told on commit drop as
  select position, tenant, action, resource_type, id from directory_events
  where position > (select position from app_position) order by position limit 1000;
create temporary table moved on commit drop as
  select distinct told.tenant, told.id as group_id, m.member_id
  from told join directory_event_members m on m.position = told.position;

-- A deleted tenant removes its users and groups, and a deleted group its memberships.
delete from app_user a using told where told.resource_type = 'Tenant' and told.action = 'delete' and a.tenant = told.tenant;
delete from app_member a using told where told.resource_type = 'Tenant' and told.action = 'delete' and a.tenant = told.tenant;
delete from app_member a using told where told.resource_type = 'Group' and told.action = 'delete' and a.group_id = told.id;

-- Everything else is read from the views, which may already have later changes: these are applied again later.
delete from app_user a using told where told.resource_type = 'User' and a.id = told.id;
insert into app_user select tenant, id, login, full_name, active from directory_users
  where (tenant, id) in (select tenant, id from told where resource_type = 'User');
delete from app_member a using moved where a.group_id = moved.group_id and a.member_id = moved.member_id;
insert into app_member select d.tenant, d.group_id, moved.member_id from moved join directory_memberships d
  on d.tenant = moved.tenant and d.group_id = moved.group_id and coalesce(d.user_id, d.member_group_id) = moved.member_id;

-- The position, in the same transaction as the data.
update app_position set position = (select max(position) from told) where exists (select 1 from told);
commit;
