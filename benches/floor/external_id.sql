\set who random(1, :users)
select id, document, version, changed from person where external_id = '00u' || md5('x' || :who);
