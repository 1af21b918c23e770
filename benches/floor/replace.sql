\set who random(1, :users)
\set what random(1, 1000000000)
with made as (
  update person set document = repeat(md5('r' || :what), 38), version = version + 1, changed = :what
  where id = md5('p' || :who)::uuid returning id, version
),
logged as (insert into log (person, what) select id, 'modify' from made)
select version from made;
