with new as (select nextval('newcomer') as n),
made as (
  insert into person (id, user_name, external_id, document)
  select md5('new' || n)::uuid, 'new' || n || '@tenant.example', '00u' || md5('new' || n), repeat(md5('d' || n), 38) from new
  returning id, user_name
),
mailed as (insert into email select id, k || user_name, k from made, unnest(array['work', 'home']) k)
insert into log (person, what) select id, 'create' from made;
