-- The database of scimd 0.1.0 after a short day: users, groups within a group, a schema, a second tenant.
-- A token of its default tenant: scimd_seb1ZaUmyCWH_tqbD6NxerajCBJb9UsICVqqRh4k0axQ0Mit84wsj3E82NVirF
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'0001_directory.sql','2026-11-26 12:06:42',1,X'c14cfdb0218ffe8dffda0329f57ded228a58c33d391900cba4ea615a0ece9be69fb953214f33eb7460dd0c3e55649f34',16495939);
INSERT INTO _sqlx_migrations VALUES(2,'0002_tenant_revision.sql','2026-11-26 12:06:42',1,X'e916479efdac429e43c37a30f5a17d0c3133d8b8942ecaa3ce04a4b35cfea058af1f4b7335a84f2ec481338ddb1db2af',9944293);
INSERT INTO _sqlx_migrations VALUES(3,'0003_provisioning.sql','2026-11-26 12:06:42',1,X'895e3a07bbde45c9402f314f2cc9f11b845db70f16fc9f77cf6a6ea01a4c6a6808d8140fac9c71702fd78cc725c38cec',7919980);
INSERT INTO _sqlx_migrations VALUES(4,'0004_schema.sql','2026-11-26 12:06:42',1,X'0786ec887c2c14f09132deb306a20ef6b0eccbc221ff1d30a9e9b69a7533a92cd46bd283e9db9474bb37b319e78f71c1',7945154);
INSERT INTO _sqlx_migrations VALUES(5,'0005_directory_views.sql','2026-11-26 12:06:42',1,X'c1a4617bc1da76dbebb0f87d0b9177077dc89f67d5cbf1247b4e1aa7c734af04349a8460d46dfc41f83e496650235aaa',1842841);
INSERT INTO _sqlx_migrations VALUES(6,'0006_statistics.sql','2026-11-26 12:06:42',1,X'08e8b036b1bbd4bcb1cec0044a254436a25eb40472b9f04dfc5983db2a01893e9372a5b0069a04d3462eb692400e816a',838158);
INSERT INTO _sqlx_migrations VALUES(7,'0007_provisioning_tenant.sql','2026-11-26 12:06:42',1,X'a4044d06ec6edc9736f38f509d17c83125a7e70bcf67e94863d1c708ff6656905dac19556d421e6077a290761acc1b22',907482);
INSERT INTO _sqlx_migrations VALUES(8,'0008_resource_by_id.sql','2026-11-26 12:06:42',1,X'95c49f30bbfa5af736efa9cefe293c3de1a4dff532ed3e4d151c7c613b95708848f9630b503adfcb8085d9af61c2011f',3010248);
CREATE TABLE tenant (
  tenant integer primary key autoincrement,
  name text not null unique,
  status text not null default 'active',
  conformance text not null default 'lenient',
  username_format text not null default 'any',
  unique_group_names integer not null default true,
  password_policy text not null default 'discard',
  base_url text,
  -- seats: the limit of active users; used: how many take one, kept only while there is a limit
  seats integer,
  used integer not null default 0,
  created integer not null
, revision integer not null default 1, bodies_until integer, schema_revision integer not null default 1) strict;
INSERT INTO tenant VALUES(1,'default','active','lenient','any',1,'discard',NULL,NULL,0,1795694802514000,2,NULL,2);
INSERT INTO tenant VALUES(4,'acme','active','lenient','any',1,'discard',NULL,5,1,1795694803077000,2,NULL,1);
CREATE TABLE token (
  id text primary key,
  tenant integer not null references tenant on delete cascade,
  name text not null,
  secret_digest text not null,
  scope text not null,
  created integer not null,
  expires integer,
  last_used integer,
  revoked integer
) strict, without rowid;
INSERT INTO token VALUES('H9E7Twwtgvvs',1,'release','1187f4797bc933a272c67c1350ad9a5ab350014b8fbd8239e2d9f1efa7bc38e2','read-write',1795694802526000,1827230802526000,1795694803210000,NULL);
INSERT INTO token VALUES('seb1ZaUmyCWH',1,'release','8d69197cb50e28508affbe493e85761b820352e153db327222f656e96351ba33','read-write',1795694803652000,4949294803652000,NULL,NULL);
INSERT INTO token VALUES('v6oJgqxPiBaH',4,'okta','cf1c8a731c312144bb90b58b0a19e783120de00612fd8294f7a5187be1f6d119','read-write',1795694803146000,2111054803146000,1795694803553000,NULL);
CREATE TABLE kind (
  kind integer primary key autoincrement,
  name text not null unique
) strict;
INSERT INTO kind VALUES(1,'User');
INSERT INTO kind VALUES(2,'Group');
CREATE TABLE attribute (
  attribute integer primary key autoincrement,
  kind integer not null references kind,
  path text not null,
  unique (kind, path)
) strict;
INSERT INTO attribute VALUES(1,1,'externalid');
INSERT INTO attribute VALUES(2,1,'username');
INSERT INTO attribute VALUES(3,1,'name.formatted');
INSERT INTO attribute VALUES(4,1,'name.familyname');
INSERT INTO attribute VALUES(5,1,'name.givenname');
INSERT INTO attribute VALUES(6,1,'name.middlename');
INSERT INTO attribute VALUES(7,1,'name.honorificprefix');
INSERT INTO attribute VALUES(8,1,'name.honorificsuffix');
INSERT INTO attribute VALUES(9,1,'displayname');
INSERT INTO attribute VALUES(10,1,'nickname');
INSERT INTO attribute VALUES(11,1,'profileurl');
INSERT INTO attribute VALUES(12,1,'title');
INSERT INTO attribute VALUES(13,1,'usertype');
INSERT INTO attribute VALUES(14,1,'preferredlanguage');
INSERT INTO attribute VALUES(15,1,'locale');
INSERT INTO attribute VALUES(16,1,'timezone');
INSERT INTO attribute VALUES(17,1,'active');
INSERT INTO attribute VALUES(18,1,'emails.value');
INSERT INTO attribute VALUES(19,1,'emails.display');
INSERT INTO attribute VALUES(20,1,'emails.type');
INSERT INTO attribute VALUES(21,1,'emails.primary');
INSERT INTO attribute VALUES(22,1,'phonenumbers.value');
INSERT INTO attribute VALUES(23,1,'phonenumbers.display');
INSERT INTO attribute VALUES(24,1,'phonenumbers.type');
INSERT INTO attribute VALUES(25,1,'phonenumbers.primary');
INSERT INTO attribute VALUES(26,1,'ims.value');
INSERT INTO attribute VALUES(27,1,'ims.display');
INSERT INTO attribute VALUES(28,1,'ims.type');
INSERT INTO attribute VALUES(29,1,'ims.primary');
INSERT INTO attribute VALUES(30,1,'photos.value');
INSERT INTO attribute VALUES(31,1,'photos.display');
INSERT INTO attribute VALUES(32,1,'photos.type');
INSERT INTO attribute VALUES(33,1,'photos.primary');
INSERT INTO attribute VALUES(34,1,'addresses.formatted');
INSERT INTO attribute VALUES(35,1,'addresses.streetaddress');
INSERT INTO attribute VALUES(36,1,'addresses.locality');
INSERT INTO attribute VALUES(37,1,'addresses.region');
INSERT INTO attribute VALUES(38,1,'addresses.postalcode');
INSERT INTO attribute VALUES(39,1,'addresses.country');
INSERT INTO attribute VALUES(40,1,'addresses.type');
INSERT INTO attribute VALUES(41,1,'addresses.primary');
INSERT INTO attribute VALUES(42,1,'entitlements.value');
INSERT INTO attribute VALUES(43,1,'entitlements.display');
INSERT INTO attribute VALUES(44,1,'entitlements.type');
INSERT INTO attribute VALUES(45,1,'entitlements.primary');
INSERT INTO attribute VALUES(46,1,'roles.value');
INSERT INTO attribute VALUES(47,1,'roles.display');
INSERT INTO attribute VALUES(48,1,'roles.type');
INSERT INTO attribute VALUES(49,1,'roles.primary');
INSERT INTO attribute VALUES(50,1,'x509certificates.value');
INSERT INTO attribute VALUES(51,1,'x509certificates.display');
INSERT INTO attribute VALUES(52,1,'x509certificates.type');
INSERT INTO attribute VALUES(53,1,'x509certificates.primary');
INSERT INTO attribute VALUES(54,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:employeenumber');
INSERT INTO attribute VALUES(55,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:costcenter');
INSERT INTO attribute VALUES(56,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:organization');
INSERT INTO attribute VALUES(57,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:division');
INSERT INTO attribute VALUES(58,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department');
INSERT INTO attribute VALUES(59,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value');
INSERT INTO attribute VALUES(60,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.$ref');
INSERT INTO attribute VALUES(61,1,'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.displayname');
INSERT INTO attribute VALUES(62,2,'externalid');
INSERT INTO attribute VALUES(63,2,'displayname');
INSERT INTO attribute VALUES(64,1,'urn:ietf:params:scim:schemas:extension:acme:2.0:user:distinguishedname');
INSERT INTO attribute VALUES(65,1,'urn:ietf:params:scim:schemas:extension:acme:2.0:user:level');
CREATE TABLE resource (
  tenant integer not null references tenant,
  seq integer not null,
  id text not null,
  -- the attributes as they are rendered; the database never looks inside
  document text not null,
  display text,
  display_key text,
  password text,
  takes_seat integer not null,
  -- version counts every change, revision those of the document
  version integer not null,
  revision integer not null,
  created integer not null,
  modified integer not null, lookup_1 text, lookup_2 text, lookup_3 text,
  primary key (tenant, seq)
) strict;
INSERT INTO resource VALUES(1,79196365087259470,'01a217c0-390e-75ac-b90d-216e866e788f','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:acme:2.0:User"],"externalId":"00u1","userName":"ann@example.com","name":{"familyName":"Bell","givenName":"Ann"},"active":true,"emails":[{"value":"ann@example.com","type":"work","primary":true}],"urn:ietf:params:scim:schemas:extension:acme:2.0:User":{"distinguishedName":"CN=Ann","level":3}}',NULL,NULL,NULL,1,1,1,1795694803214000,1795694803214000,'ann@example.com','ann@example.com',NULL);
INSERT INTO resource VALUES(1,79196365088072487,'01a217c0-3927-70ee-af58-c61257656c47','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob@example.com","displayName":"Bob","active":true}','Bob','bob',NULL,1,1,1,1795694803239000,1795694803239000,'bob@example.com',NULL,NULL);
INSERT INTO resource VALUES(1,79196365089313246,'01a217c0-394d-706b-b161-e6a9dae32a73','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"carl@example.com","active":false}',NULL,NULL,NULL,0,2,2,1795694803277000,1795694803309000,'carl@example.com',NULL,NULL);
INSERT INTO resource VALUES(1,151253959128985656,'01a217c0-3982-71ca-852d-818e121827eb','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Sales"}','Sales','sales',NULL,0,1,1,1795694803330000,1795694803330000,'Sales',NULL,NULL);
INSERT INTO resource VALUES(1,151253959130025567,'01a217c0-39a2-71af-b4cf-30825e92ae5d','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"All"}','All','all',NULL,0,1,1,1795694803362000,1795694803362000,'All',NULL,NULL);
INSERT INTO resource VALUES(4,79196365098386826,'01a217c0-3a62-7235-b28f-bb1768589853','{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"eve@example.com","active":true}',NULL,NULL,NULL,1,1,1,1795694803554000,1795694803554000,'eve@example.com',NULL,NULL);
CREATE TABLE attribute_value (
  tenant integer not null,
  attribute integer not null,
  element integer not null,
  is_unique integer not null,
  seq integer not null,
  key text not null,
  -- what of a long key does not fit an index
  tail text
) strict;
INSERT INTO attribute_value VALUES(1,1,0,0,79196365087259470,'00u1',NULL);
INSERT INTO attribute_value VALUES(1,2,0,1,79196365087259470,'ann@example.com',NULL);
INSERT INTO attribute_value VALUES(1,4,0,0,79196365087259470,'bell',NULL);
INSERT INTO attribute_value VALUES(1,5,0,0,79196365087259470,'ann',NULL);
INSERT INTO attribute_value VALUES(1,17,0,0,79196365087259470,'true',NULL);
INSERT INTO attribute_value VALUES(1,18,0,0,79196365087259470,'ann@example.com',NULL);
INSERT INTO attribute_value VALUES(1,20,0,0,79196365087259470,'work',NULL);
INSERT INTO attribute_value VALUES(1,21,0,0,79196365087259470,'true',NULL);
INSERT INTO attribute_value VALUES(1,64,0,0,79196365087259470,'cn=ann',NULL);
INSERT INTO attribute_value VALUES(1,65,0,0,79196365087259470,'8000000000000003',NULL);
INSERT INTO attribute_value VALUES(1,2,0,1,79196365088072487,'bob@example.com',NULL);
INSERT INTO attribute_value VALUES(1,9,0,0,79196365088072487,'bob',NULL);
INSERT INTO attribute_value VALUES(1,17,0,0,79196365088072487,'true',NULL);
INSERT INTO attribute_value VALUES(1,2,0,1,79196365089313246,'carl@example.com',NULL);
INSERT INTO attribute_value VALUES(1,17,0,0,79196365089313246,'false',NULL);
INSERT INTO attribute_value VALUES(1,63,0,1,151253959128985656,'sales',NULL);
INSERT INTO attribute_value VALUES(1,63,0,1,151253959130025567,'all',NULL);
INSERT INTO attribute_value VALUES(4,2,0,1,79196365098386826,'eve@example.com',NULL);
INSERT INTO attribute_value VALUES(4,17,0,0,79196365098386826,'true',NULL);
CREATE TABLE member (
  tenant integer not null,
  group_seq integer not null,
  member_seq integer not null,
  primary key (tenant, group_seq, member_seq),
  foreign key (tenant, group_seq) references resource (tenant, seq) deferrable initially deferred,
  foreign key (tenant, member_seq) references resource (tenant, seq) deferrable initially deferred
) strict, without rowid;
INSERT INTO member VALUES(1,151253959128985656,79196365087259470);
INSERT INTO member VALUES(1,151253959128985656,79196365088072487);
INSERT INTO member VALUES(1,151253959130025567,151253959128985656);
CREATE TABLE counter (
  tenant integer not null,
  kind integer not null,
  shard integer not null,
  live integer not null,
  active integer not null,
  gone integer not null,
  primary key (tenant, kind, shard)
) strict, without rowid;
INSERT INTO counter VALUES(1,1,0,1,1,0);
INSERT INTO counter VALUES(1,1,1,1,1,0);
INSERT INTO counter VALUES(1,1,2,1,1,0);
INSERT INTO counter VALUES(1,1,3,0,-1,0);
INSERT INTO counter VALUES(1,1,6,1,1,0);
INSERT INTO counter VALUES(1,1,7,-1,-1,1);
INSERT INTO counter VALUES(1,2,4,1,0,0);
INSERT INTO counter VALUES(1,2,5,1,0,0);
INSERT INTO counter VALUES(4,1,10,1,1,0);
CREATE TABLE change (
  tenant integer not null,
  change integer not null,
  seq integer not null,
  id text not null,
  version integer not null,
  action text not null,
  attributes text not null,
  token text,
  at integer not null,
  primary key (tenant, change)
) strict, without rowid;
INSERT INTO change VALUES(1,7138771049331535,79196365087259470,'01a217c0-390e-75ac-b90d-216e866e788f',1,'create','externalId,userName,name,active,emails,urn:ietf:params:scim:schemas:extension:acme:2.0:User','H9E7Twwtgvvs',1795694803214000);
INSERT INTO change VALUES(1,7138771050144552,79196365088072487,'01a217c0-3927-70ee-af58-c61257656c47',1,'create','userName,displayName,active','H9E7Twwtgvvs',1795694803239000);
INSERT INTO change VALUES(1,7138771051385311,79196365089313246,'01a217c0-394d-706b-b161-e6a9dae32a73',1,'create','userName,active','H9E7Twwtgvvs',1795694803277000);
INSERT INTO change VALUES(1,7138771052434371,79196365089313246,'01a217c0-394d-706b-b161-e6a9dae32a73',2,'modify','active','H9E7Twwtgvvs',1795694803309000);
INSERT INTO change VALUES(1,7138771053129785,151253959128985656,'01a217c0-3982-71ca-852d-818e121827eb',1,'create','displayName','H9E7Twwtgvvs',1795694803330000);
INSERT INTO change VALUES(1,7138771054169696,151253959130025567,'01a217c0-39a2-71af-b4cf-30825e92ae5d',1,'create','displayName','H9E7Twwtgvvs',1795694803362000);
INSERT INTO change VALUES(1,7138771055185533,79196365093113468,'01a217c0-39c1-72b1-867a-3827b4acc474',1,'create','userName,active','H9E7Twwtgvvs',1795694803393000);
INSERT INTO change VALUES(1,7138771056376016,79196365093113468,'01a217c0-39c1-72b1-867a-3827b4acc474',1,'delete','','H9E7Twwtgvvs',1795694803429000);
INSERT INTO change VALUES(4,7138771060458891,79196365098386826,'01a217c0-3a62-7235-b28f-bb1768589853',1,'create','userName,active','v6oJgqxPiBaH',1795694803554000);
CREATE TABLE change_member (
  tenant integer not null,
  change integer not null,
  id text not null,
  added integer not null,
  primary key (tenant, change, id)
) strict, without rowid;
INSERT INTO change_member VALUES(1,7138771053129785,'01a217c0-390e-75ac-b90d-216e866e788f',1);
INSERT INTO change_member VALUES(1,7138771053129785,'01a217c0-3927-70ee-af58-c61257656c47',1);
INSERT INTO change_member VALUES(1,7138771054169696,'01a217c0-3982-71ca-852d-818e121827eb',1);
CREATE TABLE shared (
  name text primary key,
  value text not null
) strict;
INSERT INTO shared VALUES('lookups','{"User":[["userName"],["emails[primary eq true].value","emails[type eq \"work\"].value","emails.value"]],"Group":[["displayName"]]}');
INSERT INTO shared VALUES('cursor_key','QshkqmZmHTMMmLLKSjo23-1v9gKnULKzCWsJj83b6iw');
INSERT INTO shared VALUES('index_lags','');
INSERT INTO shared VALUES('index_shapes','{"Group displayname":"string unique","Group externalid":"string caseExact","Group id":"-","Group members.$ref":"-","Group members.display":"-","Group members.type":"-","Group members.value":"-","Group meta.created":"-","Group meta.lastmodified":"-","Group meta.location":"-","Group meta.resourcetype":"-","Group meta.version":"-","Group schemas":"-","User active":"boolean","User addresses.country":"string","User addresses.formatted":"string","User addresses.locality":"string","User addresses.postalcode":"string","User addresses.primary":"boolean","User addresses.region":"string","User addresses.streetaddress":"string","User addresses.type":"string","User displayname":"string","User emails.display":"string","User emails.primary":"boolean","User emails.type":"string","User emails.value":"string","User entitlements.display":"string","User entitlements.primary":"boolean","User entitlements.type":"string","User entitlements.value":"string","User externalid":"string caseExact","User groups.$ref":"-","User groups.display":"-","User groups.type":"-","User groups.value":"-","User id":"-","User ims.display":"string","User ims.primary":"boolean","User ims.type":"string","User ims.value":"string","User locale":"string","User meta.created":"-","User meta.lastmodified":"-","User meta.location":"-","User meta.resourcetype":"-","User meta.version":"-","User name.familyname":"string","User name.formatted":"string","User name.givenname":"string","User name.honorificprefix":"string","User name.honorificsuffix":"string","User name.middlename":"string","User nickname":"string","User password":"-","User phonenumbers.display":"string","User phonenumbers.primary":"boolean","User phonenumbers.type":"string","User phonenumbers.value":"string","User photos.display":"string","User photos.primary":"boolean","User photos.type":"string","User photos.value":"reference caseExact","User preferredlanguage":"string","User profileurl":"reference caseExact","User roles.display":"string","User roles.primary":"boolean","User roles.type":"string","User roles.value":"string","User schemas":"-","User timezone":"string","User title":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:costcenter":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:division":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:employeenumber":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.$ref":"reference caseExact","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.displayname":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value":"string caseExact","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:organization":"string","User username":"string unique","User usertype":"string","User x509certificates.display":"string","User x509certificates.primary":"boolean","User x509certificates.type":"string","User x509certificates.value":"binary caseExact"}');
INSERT INTO shared VALUES('directory',replace('directory_users:\nselect\n  t.name as "tenant",\n  r.id as "id",\n  json_extract(r.document, ''$."externalId"'') as "external_id",\n  printf(''%s.%03dZ'', strftime(''%Y-%m-%dT%H:%M:%S'', r.created / 1000000, ''unixepoch''), r.created / 1000 % 1000) as "created",\n  printf(''%s.%03dZ'', strftime(''%Y-%m-%dT%H:%M:%S'', r.modified / 1000000, ''unixepoch''), r.modified / 1000 % 1000) as "modified",\n  r.version as "version",\n  coalesce(json_extract(r.document, ''$."displayName"''), json_extract(r.document, ''$."name"."formatted"'')) as "full_name",\n  r.lookup_1 as "login",\n  r.lookup_2 as "email",\n  r.lookup_1 as "trust_id",\n  (select json_extract(case when x.type = ''object'' then x.value end, ''$."distinguishedName"'') from json_each(r.document) as x where lower(substr(x.key, 1, 4)) = ''urn:'' and json_extract(case when x.type = ''object'' then x.value end, ''$."distinguishedName"'') is not null order by x.key limit 1) as "distinguished_name",\n  case json_type(r.document, ''$."active"'') when ''true'' then 1 when ''false'' then 0 end as "active",\n  json_extract(r.document, ''$."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"."department"'') as "department"\nfrom tenant t\n  join resource r on r.tenant = t.tenant and r.seq >= 72057594037927936 and r.seq < 144115188075855872\ndirectory_groups:\nselect\n  t.name as "tenant",\n  r.id as "id",\n  json_extract(r.document, ''$."externalId"'') as "external_id",\n  printf(''%s.%03dZ'', strftime(''%Y-%m-%dT%H:%M:%S'', r.created / 1000000, ''unixepoch''), r.created / 1000 % 1000) as "created",\n  printf(''%s.%03dZ'', strftime(''%Y-%m-%dT%H:%M:%S'', r.modified / 1000000, ''unixepoch''), r.modified / 1000 % 1000) as "modified",\n  r.version as "version",\n  r.lookup_1 as "name",\n  (select json_extract(case when x.type = ''object'' then x.value end, ''$."distinguishedName"'') from json_each(r.document) as x where lower(substr(x.key, 1, 4)) = ''urn:'' and json_extract(case when x.type = ''object'' then x.value end, ''$."distinguishedName"'') is not null order by x.key limit 1) as "distinguished_name"\nfrom tenant t\n  join resource r on r.tenant = t.tenant and r.seq >= 144115188075855872 and r.seq < 216172782113783808\ndirectory_memberships:\nselect\n  t.name as "tenant",\n  g.id as "group_id",\n  g.lookup_1 as "group_name",\n  u.id as "user_id",\n  u.lookup_1 as "login",\n  s.id as "member_group_id",\n  s.lookup_1 as "member_group_name"\nfrom tenant t\n  join member m on m.tenant = t.tenant and m.group_seq >= 144115188075855872 and m.group_seq < 216172782113783808 and (m.member_seq >= 72057594037927936 and m.member_seq < 144115188075855872 or m.member_seq >= 144115188075855872 and m.member_seq < 216172782113783808)\n  join resource g on g.tenant = m.tenant and g.seq = m.group_seq\n  left join resource u on u.tenant = m.tenant and u.seq = m.member_seq and u.seq >= 72057594037927936 and u.seq < 144115188075855872\n  left join resource s on s.tenant = m.tenant and s.seq = m.member_seq and s.seq >= 144115188075855872 and s.seq < 216172782113783808\n','\n',char(10)));
INSERT INTO shared VALUES('lookups_filled','{"User":[["userName"],["emails[primary eq true].value","emails[type eq \"work\"].value","emails.value"]],"Group":[["displayName"]]}');
INSERT INTO shared VALUES('schema_changes','1');
CREATE TABLE provisioning (
  tenant integer not null references tenant,
  -- made by the server from the time of writing and a counter
  entry integer not null,
  at integer not null,
  token text not null,
  token_name text not null,
  client text,
  method text not null,
  route text not null,
  resource_type text,
  resource text,
  status integer not null,
  scim_type text,
  detail text,
  -- attributes and operators of the filter, without its values
  filter text,
  -- names of attributes, with a comma between
  changed text,
  -- what was ignored or left out, as JSON
  notes text,
  micros integer not null,
  request text not null,
  primary key (tenant, entry)
) strict, without rowid;
INSERT INTO provisioning VALUES(1,7138771054658381,1795694803208000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Users','User','01a217c0-390e-75ac-b90d-216e866e788f',201,NULL,NULL,NULL,'externalId,userName,name,active,emails,urn:ietf:params:scim:schemas:extension:acme:2.0:User',NULL,16582,'01a217c0-3908-7569-af89-37881418d904');
INSERT INTO provisioning VALUES(1,7138771054658382,1795694803239000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Users','User','01a217c0-3927-70ee-af58-c61257656c47',201,NULL,NULL,NULL,'userName,displayName,active',NULL,17945,'01a217c0-3927-7104-89f2-e3b71bad80e7');
INSERT INTO provisioning VALUES(1,7138771054658383,1795694803276000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Users','User','01a217c0-394d-706b-b161-e6a9dae32a73',201,NULL,NULL,NULL,'userName,active',NULL,20296,'01a217c0-394c-75af-b109-abd517ee3d4b');
INSERT INTO provisioning VALUES(1,7138771054658384,1795694803308000,'H9E7Twwtgvvs','release','curl/7.88.1','PATCH','/Users/{id}','User','01a217c0-394d-706b-b161-e6a9dae32a73',200,NULL,NULL,NULL,'active',NULL,8898,'01a217c0-396c-719e-afa2-663d32cc2d1f');
INSERT INTO provisioning VALUES(1,7138771054658385,1795694803330000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Groups','Group','01a217c0-3982-71ca-852d-818e121827eb',201,NULL,NULL,NULL,'displayName,members',NULL,8126,'01a217c0-3982-74e4-9249-de985601cfe8');
INSERT INTO provisioning VALUES(1,7138771055718343,1795694803361000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Groups','Group','01a217c0-39a2-71af-b4cf-30825e92ae5d',201,NULL,NULL,NULL,'displayName,members',NULL,18081,'01a217c0-39a1-74e6-9d07-f6a8e5d9fc5b');
INSERT INTO provisioning VALUES(1,7138771056631462,1795694803393000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Users','User','01a217c0-39c1-72b1-867a-3827b4acc474',201,NULL,NULL,NULL,'userName,active',NULL,24634,'01a217c0-39c1-741a-b2db-7e2f7a8ee9a9');
INSERT INTO provisioning VALUES(1,7138771057247653,1795694803428000,'H9E7Twwtgvvs','release','curl/7.88.1','DELETE','/Users/{id}','User','01a217c0-39c1-72b1-867a-3827b4acc474',204,NULL,NULL,NULL,NULL,NULL,16362,'01a217c0-39e5-7192-9b4d-bf9a7074b329');
INSERT INTO provisioning VALUES(1,7138771064592798,1795694803525000,'H9E7Twwtgvvs','release','curl/7.88.1','POST','/Users','User',NULL,409,'uniqueness','A User with the same "userName" exists already (letter case is disregarded); inactive ones count too.',NULL,NULL,NULL,2601,'01a217c0-3a45-70f3-a13c-9ca4544a6e5b');
INSERT INTO provisioning VALUES(4,7138771064592799,1795694803553000,'v6oJgqxPiBaH','okta','curl/7.88.1','POST','/Users','User','01a217c0-3a62-7235-b28f-bb1768589853',201,NULL,NULL,NULL,'userName,active',NULL,12057,'01a217c0-3a61-74ea-89c0-e5e2b683847f');
CREATE TABLE provisioning_body (
  tenant integer not null references tenant,
  entry integer not null,
  body text not null,
  primary key (tenant, entry)
) strict, without rowid;
CREATE TABLE schema_file (
  tenant integer references tenant on delete cascade,
  -- in lower case
  urn text not null,
  document text not null,
  -- the number of its last change among those of all schemas
  change integer not null
) strict;
INSERT INTO schema_file VALUES(NULL,'urn:ietf:params:scim:schemas:extension:acme:2.0:user',replace('{\n  "schemas": [\n    "urn:ietf:params:scim:schemas:core:2.0:Schema"\n  ],\n  "id": "urn:ietf:params:scim:schemas:extension:acme:2.0:User",\n  "name": "AcmeUser",\n  "attributes": [\n    {\n      "name": "distinguishedName",\n      "type": "string",\n      "multiValued": false\n    },\n    {\n      "name": "level",\n      "type": "integer",\n      "multiValued": false\n    }\n  ],\n  "x-scimd": {\n    "extends": [\n      "User"\n    ]\n  }\n}','\n',char(10)),1);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('tenant','sqlite_autoindex_tenant_1','100 1');
INSERT INTO sqlite_stat1 VALUES('resource','sqlite_autoindex_resource_1','1000000 10000 1');
INSERT INTO sqlite_stat1 VALUES('resource','resource_id','1000000 10000 1');
INSERT INTO sqlite_stat1 VALUES('resource','resource_lookup_1','1000000 10000 1');
INSERT INTO sqlite_stat1 VALUES('resource','resource_lookup_2','1000000 10000 1');
INSERT INTO sqlite_stat1 VALUES('resource','resource_lookup_3','1000000 10000 1');
INSERT INTO sqlite_stat1 VALUES('member','member','2000000 20000 20 1');
INSERT INTO sqlite_stat1 VALUES('member','member_of','2000000 20000 2 1');
ANALYZE sqlite_schema;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('kind',2);
INSERT INTO sqlite_sequence VALUES('attribute',65);
INSERT INTO sqlite_sequence VALUES('tenant',6);
CREATE INDEX token_of_tenant on token (tenant);
CREATE UNIQUE INDEX resource_id on resource (tenant, id);
CREATE INDEX attribute_value_search on attribute_value (tenant, attribute, key, seq, element) where not is_unique;
CREATE UNIQUE INDEX attribute_value_unique on attribute_value (tenant, attribute, key) where is_unique;
CREATE INDEX member_of on member (tenant, member_seq, group_seq);
CREATE INDEX provisioning_of_resource on provisioning (tenant, resource, entry) where resource is not null;
CREATE INDEX provisioning_failed on provisioning (tenant, entry) where status >= 400;
CREATE INDEX provisioning_noted on provisioning (tenant, entry) where notes is not null;
CREATE UNIQUE INDEX schema_file_of on schema_file (coalesce(tenant, 0), urn);
CREATE INDEX resource_lookup_1 on resource (tenant, lookup_1) where lookup_1 is not null;
CREATE INDEX resource_lookup_2 on resource (tenant, lookup_2) where lookup_2 is not null;
CREATE INDEX resource_lookup_3 on resource (tenant, lookup_3) where lookup_3 is not null;
CREATE VIEW directory_users as select
  t.name as "tenant",
  r.id as "id",
  json_extract(r.document, '$."externalId"') as "external_id",
  printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000, 'unixepoch'), r.created / 1000 % 1000) as "created",
  printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', r.modified / 1000000, 'unixepoch'), r.modified / 1000 % 1000) as "modified",
  r.version as "version",
  coalesce(json_extract(r.document, '$."displayName"'), json_extract(r.document, '$."name"."formatted"')) as "full_name",
  r.lookup_1 as "login",
  r.lookup_2 as "email",
  r.lookup_1 as "trust_id",
  (select json_extract(case when x.type = 'object' then x.value end, '$."distinguishedName"') from json_each(r.document) as x where lower(substr(x.key, 1, 4)) = 'urn:' and json_extract(case when x.type = 'object' then x.value end, '$."distinguishedName"') is not null order by x.key limit 1) as "distinguished_name",
  case json_type(r.document, '$."active"') when 'true' then 1 when 'false' then 0 end as "active",
  json_extract(r.document, '$."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"."department"') as "department"
from tenant t
  join resource r on r.tenant = t.tenant and r.seq >= 72057594037927936 and r.seq < 144115188075855872;
CREATE VIEW directory_groups as select
  t.name as "tenant",
  r.id as "id",
  json_extract(r.document, '$."externalId"') as "external_id",
  printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000, 'unixepoch'), r.created / 1000 % 1000) as "created",
  printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', r.modified / 1000000, 'unixepoch'), r.modified / 1000 % 1000) as "modified",
  r.version as "version",
  r.lookup_1 as "name",
  (select json_extract(case when x.type = 'object' then x.value end, '$."distinguishedName"') from json_each(r.document) as x where lower(substr(x.key, 1, 4)) = 'urn:' and json_extract(case when x.type = 'object' then x.value end, '$."distinguishedName"') is not null order by x.key limit 1) as "distinguished_name"
from tenant t
  join resource r on r.tenant = t.tenant and r.seq >= 144115188075855872 and r.seq < 216172782113783808;
CREATE VIEW directory_memberships as select
  t.name as "tenant",
  g.id as "group_id",
  g.lookup_1 as "group_name",
  u.id as "user_id",
  u.lookup_1 as "login",
  s.id as "member_group_id",
  s.lookup_1 as "member_group_name"
from tenant t
  join member m on m.tenant = t.tenant and m.group_seq >= 144115188075855872 and m.group_seq < 216172782113783808 and (m.member_seq >= 72057594037927936 and m.member_seq < 144115188075855872 or m.member_seq >= 144115188075855872 and m.member_seq < 216172782113783808)
  join resource g on g.tenant = m.tenant and g.seq = m.group_seq
  left join resource u on u.tenant = m.tenant and u.seq = m.member_seq and u.seq >= 72057594037927936 and u.seq < 144115188075855872
  left join resource s on s.tenant = m.tenant and s.seq = m.member_seq and s.seq >= 144115188075855872 and s.seq < 216172782113783808;
COMMIT;
