-- People who are deleted next. psql -v many=20000
with new as (
  insert into person (id, user_name, external_id, document)
  select md5('gone' || n)::uuid, 'gone' || n || '@tenant.example', '00u' || md5('gone' || n), repeat(md5('d' || n), 38)
  from (select coalesce(max(last_value), 0) as last from pg_sequences where sequencename = 'leaver') l,
    generate_series(l.last + 1, l.last + :many) n
  on conflict do nothing
  returning id, user_name
)
insert into email select id, k || user_name, k from new, unnest(array['work', 'home']) k;
