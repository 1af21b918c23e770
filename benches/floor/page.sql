\set who random(1, :users)
select id, document, version, changed from person where id >= md5('p' || :who)::uuid order by id limit 100;
