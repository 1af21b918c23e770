\set who random(1, :users)
select document, version, changed from person where id = md5('p' || :who)::uuid;
