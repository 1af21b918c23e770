-- The database of scimd 0.1.0 after a short day: users, groups within a group, a schema, a second tenant.
-- A token of its default tenant: scimd_BTYYOwoN2sIl_fwise3lngYdulvFzm3uaOG7Ku5WZXIj6p8oRAqc25jf2lSBnF
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: attribute; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attribute (
    attribute integer NOT NULL,
    kind integer NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: attribute_attribute_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.attribute ALTER COLUMN attribute ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.attribute_attribute_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: attribute_value; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attribute_value (
    tenant integer NOT NULL,
    attribute integer NOT NULL,
    element smallint NOT NULL,
    is_unique boolean NOT NULL,
    seq bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    tail text COLLATE pg_catalog."C"
);


--
-- Name: change; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.change (
    tenant integer NOT NULL,
    change bigint NOT NULL,
    seq bigint NOT NULL,
    id uuid NOT NULL,
    version bigint NOT NULL,
    action text NOT NULL,
    attributes text NOT NULL,
    token text,
    at bigint NOT NULL,
    transaction xid8 DEFAULT pg_current_xact_id() NOT NULL
);


--
-- Name: change_member; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.change_member (
    tenant integer NOT NULL,
    change bigint NOT NULL,
    id uuid NOT NULL,
    added boolean NOT NULL
);


--
-- Name: counter; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.counter (
    tenant integer NOT NULL,
    kind integer NOT NULL,
    shard smallint NOT NULL,
    live bigint NOT NULL,
    active bigint NOT NULL,
    gone bigint NOT NULL
)
WITH (fillfactor='50');


--
-- Name: resource; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    id uuid NOT NULL,
    document text NOT NULL,
    display text,
    display_key text COLLATE pg_catalog."C",
    password text,
    takes_seat boolean NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    lookup_1 text COLLATE pg_catalog."C",
    lookup_2 text COLLATE pg_catalog."C",
    lookup_3 text COLLATE pg_catalog."C"
)
WITH (fillfactor='90');


--
-- Name: tenant; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenant (
    tenant integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    status text DEFAULT 'active'::text NOT NULL,
    conformance text DEFAULT 'lenient'::text NOT NULL,
    username_format text DEFAULT 'any'::text NOT NULL,
    unique_group_names boolean DEFAULT true NOT NULL,
    password_policy text DEFAULT 'discard'::text NOT NULL,
    base_url text,
    seats bigint,
    used bigint DEFAULT 0 NOT NULL,
    created bigint NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    bodies_until bigint,
    schema_revision bigint DEFAULT 1 NOT NULL
);


--
-- Name: directory_groups; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.directory_groups AS
 SELECT t.name AS tenant,
    r.id,
    ((d.document -> 'externalId'::text) #>> '{}'::text[]) AS external_id,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((r.created)::double precision * '00:00:00.000001'::interval)) AS created,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((r.modified)::double precision * '00:00:00.000001'::interval)) AS modified,
    r.version,
    r.lookup_1 AS name,
    ( SELECT ((x.value -> 'distinguishedName'::text) #>> '{}'::text[])
           FROM jsonb_each(d.document) x(key, value)
          WHERE ((lower("left"(x.key, 4)) = 'urn:'::text) AND (((x.value -> 'distinguishedName'::text) #>> '{}'::text[]) IS NOT NULL))
          ORDER BY (x.key COLLATE "C")
         LIMIT 1) AS distinguished_name
   FROM ((public.tenant t
     JOIN public.resource r ON (((r.tenant = t.tenant) AND (r.seq >= '144115188075855872'::bigint) AND (r.seq < '216172782113783808'::bigint))))
     CROSS JOIN LATERAL ( SELECT (r.document)::jsonb AS document
         OFFSET 0) d);


--
-- Name: member; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.member (
    tenant integer NOT NULL,
    group_seq bigint NOT NULL,
    member_seq bigint NOT NULL
);


--
-- Name: directory_memberships; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.directory_memberships AS
 SELECT t.name AS tenant,
    g.id AS group_id,
    g.lookup_1 AS group_name,
    u.id AS user_id,
    u.lookup_1 AS login,
    s.id AS member_group_id,
    s.lookup_1 AS member_group_name
   FROM ((((public.tenant t
     JOIN public.member m ON (((m.tenant = t.tenant) AND (m.group_seq >= '144115188075855872'::bigint) AND (m.group_seq < '216172782113783808'::bigint) AND (((m.member_seq >= '72057594037927936'::bigint) AND (m.member_seq < '144115188075855872'::bigint)) OR ((m.member_seq >= '144115188075855872'::bigint) AND (m.member_seq < '216172782113783808'::bigint))))))
     JOIN public.resource g ON (((g.tenant = m.tenant) AND (g.seq = m.group_seq))))
     LEFT JOIN public.resource u ON (((u.tenant = m.tenant) AND (u.seq = m.member_seq) AND (u.seq >= '72057594037927936'::bigint) AND (u.seq < '144115188075855872'::bigint))))
     LEFT JOIN public.resource s ON (((s.tenant = m.tenant) AND (s.seq = m.member_seq) AND (s.seq >= '144115188075855872'::bigint) AND (s.seq < '216172782113783808'::bigint))));


--
-- Name: directory_users; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.directory_users AS
 SELECT t.name AS tenant,
    r.id,
    ((d.document -> 'externalId'::text) #>> '{}'::text[]) AS external_id,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((r.created)::double precision * '00:00:00.000001'::interval)) AS created,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((r.modified)::double precision * '00:00:00.000001'::interval)) AS modified,
    r.version,
    COALESCE(((d.document -> 'displayName'::text) #>> '{}'::text[]), (((d.document -> 'name'::text) -> 'formatted'::text) #>> '{}'::text[])) AS full_name,
    r.lookup_1 AS login,
    r.lookup_2 AS email,
    r.lookup_1 AS trust_id,
    ( SELECT ((x.value -> 'distinguishedName'::text) #>> '{}'::text[])
           FROM jsonb_each(d.document) x(key, value)
          WHERE ((lower("left"(x.key, 4)) = 'urn:'::text) AND (((x.value -> 'distinguishedName'::text) #>> '{}'::text[]) IS NOT NULL))
          ORDER BY (x.key COLLATE "C")
         LIMIT 1) AS distinguished_name,
        CASE jsonb_typeof((d.document -> 'active'::text))
            WHEN 'boolean'::text THEN ((d.document -> 'active'::text))::boolean
            ELSE NULL::boolean
        END AS active,
    (((d.document -> 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'::text) -> 'department'::text) #>> '{}'::text[]) AS department
   FROM ((public.tenant t
     JOIN public.resource r ON (((r.tenant = t.tenant) AND (r.seq >= '72057594037927936'::bigint) AND (r.seq < '144115188075855872'::bigint))))
     CROSS JOIN LATERAL ( SELECT (r.document)::jsonb AS document
         OFFSET 0) d);


--
-- Name: kind; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.kind (
    kind integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: kind_kind_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.kind ALTER COLUMN kind ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.kind_kind_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: provisioning; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.provisioning (
    tenant integer NOT NULL,
    entry bigint NOT NULL,
    at bigint NOT NULL,
    token text NOT NULL COLLATE pg_catalog."C",
    token_name text NOT NULL,
    client text,
    method text NOT NULL,
    route text NOT NULL,
    resource_type text,
    resource text COLLATE pg_catalog."C",
    status bigint NOT NULL,
    scim_type text,
    detail text,
    filter text,
    changed text,
    notes text,
    micros bigint NOT NULL,
    request text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: provisioning_body; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.provisioning_body (
    tenant integer NOT NULL,
    entry bigint NOT NULL,
    body text NOT NULL
);


--
-- Name: schema_file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_file (
    tenant integer,
    urn text NOT NULL COLLATE pg_catalog."C",
    document text NOT NULL,
    change bigint NOT NULL
);


--
-- Name: shared; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shared (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL
);


--
-- Name: tenant_tenant_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.tenant ALTER COLUMN tenant ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tenant_tenant_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: token; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.token (
    id text NOT NULL COLLATE pg_catalog."C",
    tenant integer NOT NULL,
    name text NOT NULL,
    secret_digest text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL,
    created bigint NOT NULL,
    expires bigint,
    last_used bigint,
    revoked bigint
);


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._sqlx_migrations VALUES (1, '0001_directory.sql', '2026-11-26 12:07:24.695641+00', true, '\x28dc63211f98026f8a0e0b5ab892953287128f7252597ccd3c087dfffb62c163ace334d983046c8b38feb5a0050b0287', 46110635);
INSERT INTO public._sqlx_migrations VALUES (2, '0002_tenant_revision.sql', '2026-11-26 12:07:24.745385+00', true, '\x17c6204dc1600801aff28c3a7322fbb3c9f1c1e5f879c0ad959555a38ffa3619f231d76ac32b87822df65974d6c9fdae', 815632);
INSERT INTO public._sqlx_migrations VALUES (3, '0003_provisioning.sql', '2026-11-26 12:07:24.746338+00', true, '\xe79ec7ad30b9972fabffcd9e0378acc675032ec2c2bee62ad02f893beb9c31f4d9404c6980a1dde5c6b6acef68837fc3', 12328982);
INSERT INTO public._sqlx_migrations VALUES (4, '0004_schema.sql', '2026-11-26 12:07:24.7648+00', true, '\x9b79660d90a31c8850f515fa1e676770b94665dd19422ed5880fe1c396e91dedb81f4a0d4d97b7f2e647ddec757e0dd6', 8422292);
INSERT INTO public._sqlx_migrations VALUES (5, '0005_directory_views.sql', '2026-11-26 12:07:24.767838+00', true, '\x8b06afafcd8619cb108cfc3be92ab649f33425b1ba7a35eea04500d48db50f68218543f5c017c57f235e3d10fd20a0bd', 22410499);
INSERT INTO public._sqlx_migrations VALUES (6, '0006_statistics.sql', '2026-11-26 12:07:24.790449+00', true, '\x3eafac1d4791ec40f6aa0f1d9131305adbf6e4cb3d24201e26001a33d6d3deedf926d19a0f952bf4f4b41c02f461c255', 199024);
INSERT INTO public._sqlx_migrations VALUES (7, '0007_provisioning_tenant.sql', '2026-11-26 12:07:24.79318+00', true, '\xa421265e5906d7a243ee90eb7a88cff0992c3ec78ea6d42af43d42eeec977a7f90286ec866c58a55f5b58fb8b6892af1', 10494838);
INSERT INTO public._sqlx_migrations VALUES (8, '0008_resource_by_id.sql', '2026-11-26 12:07:24.801407+00', true, '\x3b0e17a7beb262c2415b9e869ad94b43c811f7fae26d1e8dc8e844abf705c3da79325c31bdcf4205455cd560bd016461', 4887264);


--
-- Data for Name: attribute; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (1, 1, 'externalid');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (2, 1, 'username');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (3, 1, 'name.formatted');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (4, 1, 'name.familyname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (5, 1, 'name.givenname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (6, 1, 'name.middlename');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (7, 1, 'name.honorificprefix');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (8, 1, 'name.honorificsuffix');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (9, 1, 'displayname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (10, 1, 'nickname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (11, 1, 'profileurl');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (12, 1, 'title');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (13, 1, 'usertype');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (14, 1, 'preferredlanguage');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (15, 1, 'locale');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (16, 1, 'timezone');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (17, 1, 'active');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (18, 1, 'emails.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (19, 1, 'emails.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (20, 1, 'emails.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (21, 1, 'emails.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (22, 1, 'phonenumbers.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (23, 1, 'phonenumbers.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (24, 1, 'phonenumbers.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (25, 1, 'phonenumbers.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (26, 1, 'ims.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (27, 1, 'ims.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (28, 1, 'ims.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (29, 1, 'ims.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (30, 1, 'photos.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (31, 1, 'photos.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (32, 1, 'photos.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (33, 1, 'photos.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (34, 1, 'addresses.formatted');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (35, 1, 'addresses.streetaddress');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (36, 1, 'addresses.locality');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (37, 1, 'addresses.region');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (38, 1, 'addresses.postalcode');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (39, 1, 'addresses.country');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (40, 1, 'addresses.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (41, 1, 'addresses.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (42, 1, 'entitlements.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (43, 1, 'entitlements.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (44, 1, 'entitlements.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (45, 1, 'entitlements.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (46, 1, 'roles.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (47, 1, 'roles.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (48, 1, 'roles.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (49, 1, 'roles.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (50, 1, 'x509certificates.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (51, 1, 'x509certificates.display');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (52, 1, 'x509certificates.type');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (53, 1, 'x509certificates.primary');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (54, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:employeenumber');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (55, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:costcenter');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (56, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:organization');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (57, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:division');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (58, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (59, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (60, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.$ref');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (61, 1, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.displayname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (62, 2, 'externalid');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (63, 2, 'displayname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (64, 1, 'urn:ietf:params:scim:schemas:extension:acme:2.0:user:distinguishedname');
INSERT INTO public.attribute OVERRIDING SYSTEM VALUE VALUES (65, 1, 'urn:ietf:params:scim:schemas:extension:acme:2.0:user:level');


--
-- Data for Name: attribute_value; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attribute_value VALUES (1, 1, 0, false, 79196366472453671, '00u1', NULL);
INSERT INTO public.attribute_value VALUES (1, 2, 0, true, 79196366472453671, 'ann@example.com', NULL);
INSERT INTO public.attribute_value VALUES (1, 4, 0, false, 79196366472453671, 'bell', NULL);
INSERT INTO public.attribute_value VALUES (1, 5, 0, false, 79196366472453671, 'ann', NULL);
INSERT INTO public.attribute_value VALUES (1, 17, 0, false, 79196366472453671, 'true', NULL);
INSERT INTO public.attribute_value VALUES (1, 18, 0, false, 79196366472453671, 'ann@example.com', NULL);
INSERT INTO public.attribute_value VALUES (1, 20, 0, false, 79196366472453671, 'work', NULL);
INSERT INTO public.attribute_value VALUES (1, 21, 0, false, 79196366472453671, 'true', NULL);
INSERT INTO public.attribute_value VALUES (1, 64, 0, false, 79196366472453671, 'cn=ann', NULL);
INSERT INTO public.attribute_value VALUES (1, 65, 0, false, 79196366472453671, '8000000000000003', NULL);
INSERT INTO public.attribute_value VALUES (1, 2, 0, true, 79196366473346280, 'bob@example.com', NULL);
INSERT INTO public.attribute_value VALUES (1, 9, 0, false, 79196366473346280, 'bob', NULL);
INSERT INTO public.attribute_value VALUES (1, 17, 0, false, 79196366473346280, 'true', NULL);
INSERT INTO public.attribute_value VALUES (1, 2, 0, true, 79196366475274733, 'carl@example.com', NULL);
INSERT INTO public.attribute_value VALUES (1, 17, 0, false, 79196366475274733, 'false', NULL);
INSERT INTO public.attribute_value VALUES (1, 63, 0, true, 151253960515159524, 'sales', NULL);
INSERT INTO public.attribute_value VALUES (1, 63, 0, true, 151253960516810133, 'all', NULL);
INSERT INTO public.attribute_value VALUES (4, 2, 0, true, 79196366485882114, 'eve@example.com', NULL);
INSERT INTO public.attribute_value VALUES (4, 17, 0, false, 79196366485882114, 'true', NULL);


--
-- Data for Name: change; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.change VALUES (1, 7138772434525736, 79196366472453671, '01a217c0-de2f-7219-92a1-992978942735', 1, 'create', 'externalId,userName,name,active,emails,urn:ietf:params:scim:schemas:extension:acme:2.0:User', '9SfnARpEECtM', 1795694845487000, '765');
INSERT INTO public.change VALUES (1, 7138772435418345, 79196366473346280, '01a217c0-de4a-730e-b098-6a94bee8238d', 1, 'create', 'userName,displayName,active', '9SfnARpEECtM', 1795694845514000, '767');
INSERT INTO public.change VALUES (1, 7138772437346798, 79196366475274733, '01a217c0-de85-77ce-a608-e5a82f475382', 1, 'create', 'userName,active', '9SfnARpEECtM', 1795694845573000, '768');
INSERT INTO public.change VALUES (1, 7138772438451374, 79196366475274733, '01a217c0-de85-77ce-a608-e5a82f475382', 2, 'modify', 'active', '9SfnARpEECtM', 1795694845607000, '769');
INSERT INTO public.change VALUES (1, 7138772439303653, 151253960515159524, '01a217c0-dec1-774c-bbe3-f18bfe8eb026', 1, 'create', 'displayName', '9SfnARpEECtM', 1795694845633000, '770');
INSERT INTO public.change VALUES (1, 7138772440954262, 151253960516810133, '01a217c0-def3-77f8-a631-08e92eca080f', 1, 'create', 'displayName', '9SfnARpEECtM', 1795694845683000, '772');
INSERT INTO public.change VALUES (1, 7138772442978981, 79196366480906916, '01a217c0-df31-759a-bbcb-5114871089e8', 1, 'create', 'userName,active', '9SfnARpEECtM', 1795694845745000, '773');
INSERT INTO public.change VALUES (1, 7138772444218468, 79196366480906916, '01a217c0-df31-759a-bbcb-5114871089e8', 1, 'delete', '', '9SfnARpEECtM', 1795694845783000, '774');
INSERT INTO public.change VALUES (4, 7138772447954179, 79196366485882114, '01a217c0-dfc9-777a-90af-68254e823d27', 1, 'create', 'userName,active', 'c7ks6asuLwvM', 1795694845897000, '780');


--
-- Data for Name: change_member; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.change_member VALUES (1, 7138772439303653, '01a217c0-de2f-7219-92a1-992978942735', true);
INSERT INTO public.change_member VALUES (1, 7138772439303653, '01a217c0-de4a-730e-b098-6a94bee8238d', true);
INSERT INTO public.change_member VALUES (1, 7138772440954262, '01a217c0-dec1-774c-bbe3-f18bfe8eb026', true);


--
-- Data for Name: counter; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.counter VALUES (1, 1, 0, 1, 1, 0);
INSERT INTO public.counter VALUES (1, 1, 1, 1, 1, 0);
INSERT INTO public.counter VALUES (1, 1, 2, 1, 1, 0);
INSERT INTO public.counter VALUES (1, 1, 3, 0, -1, 0);
INSERT INTO public.counter VALUES (1, 2, 4, 1, 0, 0);
INSERT INTO public.counter VALUES (1, 2, 5, 1, 0, 0);
INSERT INTO public.counter VALUES (1, 1, 6, 1, 1, 0);
INSERT INTO public.counter VALUES (1, 1, 7, -1, -1, 1);
INSERT INTO public.counter VALUES (4, 1, 10, 1, 1, 0);


--
-- Data for Name: kind; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.kind OVERRIDING SYSTEM VALUE VALUES (1, 'User');
INSERT INTO public.kind OVERRIDING SYSTEM VALUE VALUES (2, 'Group');


--
-- Data for Name: member; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.member VALUES (1, 151253960515159524, 79196366472453671);
INSERT INTO public.member VALUES (1, 151253960515159524, 79196366473346280);
INSERT INTO public.member VALUES (1, 151253960516810133, 151253960515159524);


--
-- Data for Name: provisioning; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.provisioning VALUES (1, 7138772439925356, 1795694845592000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'PATCH', '/Users/{id}', 'User', '01a217c0-de85-77ce-a608-e5a82f475382', 200, NULL, NULL, NULL, 'active', NULL, 17767, '01a217c0-de98-75d3-8daa-7f2570fdbd06');
INSERT INTO public.provisioning VALUES (1, 7138772439925355, 1795694845573000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Users', 'User', '01a217c0-de85-77ce-a608-e5a82f475382', 201, NULL, NULL, NULL, 'userName,active', NULL, 7800, '01a217c0-de85-75f8-aa9b-b226617813ec');
INSERT INTO public.provisioning VALUES (1, 7138772439925354, 1795694845514000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Users', 'User', '01a217c0-de4a-730e-b098-6a94bee8238d', 201, NULL, NULL, NULL, 'userName,displayName,active', NULL, 8373, '01a217c0-de4a-775a-b2c7-eaf9f6a9d795');
INSERT INTO public.provisioning VALUES (1, 7138772439925353, 1795694845399000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Users', 'User', '01a217c0-de2f-7219-92a1-992978942735', 201, NULL, NULL, NULL, 'externalId,userName,name,active,emails,urn:ietf:params:scim:schemas:extension:acme:2.0:User', NULL, 96798, '01a217c0-ddd7-710b-a7e1-173d7cf9aa1c');
INSERT INTO public.provisioning VALUES (1, 7138772445409844, 1795694845745000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Users', 'User', '01a217c0-df31-759a-bbcb-5114871089e8', 201, NULL, NULL, NULL, 'userName,active', NULL, 8405, '01a217c0-df31-71dc-a57b-2edb873a341a');
INSERT INTO public.provisioning VALUES (1, 7138772445409843, 1795694845683000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Groups', 'Group', '01a217c0-def3-77f8-a631-08e92eca080f', 201, NULL, NULL, NULL, 'displayName,members', NULL, 15585, '01a217c0-def3-76c9-883e-9f3222e11aa8');
INSERT INTO public.provisioning VALUES (1, 7138772445409842, 1795694845633000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Groups', 'Group', '01a217c0-dec1-774c-bbe3-f18bfe8eb026', 201, NULL, NULL, NULL, 'displayName,members', NULL, 32000, '01a217c0-dec1-7688-8df4-b751acff48dc');
INSERT INTO public.provisioning VALUES (1, 7138772445531458, 1795694845782000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'DELETE', '/Users/{id}', 'User', '01a217c0-df31-759a-bbcb-5114871089e8', 204, NULL, NULL, NULL, NULL, NULL, 37299, '01a217c0-df56-712d-a1b3-5d51a348a3a7');
INSERT INTO public.provisioning VALUES (1, 7138772451689661, 1795694845845000, '9SfnARpEECtM', 'release', 'curl/7.88.1', 'POST', '/Users', 'User', NULL, 409, 'uniqueness', 'A User with the same "userName" exists already (letter case is disregarded); inactive ones count too.', NULL, NULL, NULL, 14755, '01a217c0-df95-779f-9f0f-38366860ebbc');
INSERT INTO public.provisioning VALUES (4, 7138772451689662, 1795694845889000, 'c7ks6asuLwvM', 'okta', 'curl/7.88.1', 'POST', '/Users', 'User', '01a217c0-dfc9-777a-90af-68254e823d27', 201, NULL, NULL, NULL, 'userName,active', NULL, 11716, '01a217c0-dfc1-7503-9e10-395c6583844d');


--
-- Data for Name: provisioning_body; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: resource; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.resource VALUES (1, 79196366472453671, '01a217c0-de2f-7219-92a1-992978942735', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:acme:2.0:User"],"externalId":"00u1","userName":"ann@example.com","name":{"familyName":"Bell","givenName":"Ann"},"active":true,"emails":[{"value":"ann@example.com","type":"work","primary":true}],"urn:ietf:params:scim:schemas:extension:acme:2.0:User":{"distinguishedName":"CN=Ann","level":3}}', NULL, NULL, NULL, true, 1, 1, 1795694845487000, 1795694845487000, 'ann@example.com', 'ann@example.com', NULL);
INSERT INTO public.resource VALUES (1, 79196366473346280, '01a217c0-de4a-730e-b098-6a94bee8238d', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob@example.com","displayName":"Bob","active":true}', 'Bob', 'bob', NULL, true, 1, 1, 1795694845514000, 1795694845514000, 'bob@example.com', NULL, NULL);
INSERT INTO public.resource VALUES (1, 79196366475274733, '01a217c0-de85-77ce-a608-e5a82f475382', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"carl@example.com","active":false}', NULL, NULL, NULL, false, 2, 2, 1795694845573000, 1795694845607000, 'carl@example.com', NULL, NULL);
INSERT INTO public.resource VALUES (1, 151253960515159524, '01a217c0-dec1-774c-bbe3-f18bfe8eb026', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Sales"}', 'Sales', 'sales', NULL, false, 1, 1, 1795694845633000, 1795694845633000, 'Sales', NULL, NULL);
INSERT INTO public.resource VALUES (1, 151253960516810133, '01a217c0-def3-77f8-a631-08e92eca080f', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"All"}', 'All', 'all', NULL, false, 1, 1, 1795694845683000, 1795694845683000, 'All', NULL, NULL);
INSERT INTO public.resource VALUES (4, 79196366485882114, '01a217c0-dfc9-777a-90af-68254e823d27', '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"eve@example.com","active":true}', NULL, NULL, NULL, true, 1, 1, 1795694845897000, 1795694845897000, 'eve@example.com', NULL, NULL);


--
-- Data for Name: schema_file; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_file VALUES (NULL, 'urn:ietf:params:scim:schemas:extension:acme:2.0:user', '{
  "schemas": [
    "urn:ietf:params:scim:schemas:core:2.0:Schema"
  ],
  "id": "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
  "name": "AcmeUser",
  "attributes": [
    {
      "name": "distinguishedName",
      "type": "string",
      "multiValued": false
    },
    {
      "name": "level",
      "type": "integer",
      "multiValued": false
    }
  ],
  "x-scimd": {
    "extends": [
      "User"
    ]
  }
}', 1);


--
-- Data for Name: shared; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shared VALUES ('lookups', '{"User":[["userName"],["emails[primary eq true].value","emails[type eq \"work\"].value","emails.value"]],"Group":[["displayName"]]}');
INSERT INTO public.shared VALUES ('cursor_key', 'FBz4bP-jI3UFnPYtCrkw8qJ1Wbq5aSH1M94ni2R2J7o');
INSERT INTO public.shared VALUES ('index_lags', '');
INSERT INTO public.shared VALUES ('index_shapes', '{"Group displayname":"string unique","Group externalid":"string caseExact","Group id":"-","Group members.$ref":"-","Group members.display":"-","Group members.type":"-","Group members.value":"-","Group meta.created":"-","Group meta.lastmodified":"-","Group meta.location":"-","Group meta.resourcetype":"-","Group meta.version":"-","Group schemas":"-","User active":"boolean","User addresses.country":"string","User addresses.formatted":"string","User addresses.locality":"string","User addresses.postalcode":"string","User addresses.primary":"boolean","User addresses.region":"string","User addresses.streetaddress":"string","User addresses.type":"string","User displayname":"string","User emails.display":"string","User emails.primary":"boolean","User emails.type":"string","User emails.value":"string","User entitlements.display":"string","User entitlements.primary":"boolean","User entitlements.type":"string","User entitlements.value":"string","User externalid":"string caseExact","User groups.$ref":"-","User groups.display":"-","User groups.type":"-","User groups.value":"-","User id":"-","User ims.display":"string","User ims.primary":"boolean","User ims.type":"string","User ims.value":"string","User locale":"string","User meta.created":"-","User meta.lastmodified":"-","User meta.location":"-","User meta.resourcetype":"-","User meta.version":"-","User name.familyname":"string","User name.formatted":"string","User name.givenname":"string","User name.honorificprefix":"string","User name.honorificsuffix":"string","User name.middlename":"string","User nickname":"string","User password":"-","User phonenumbers.display":"string","User phonenumbers.primary":"boolean","User phonenumbers.type":"string","User phonenumbers.value":"string","User photos.display":"string","User photos.primary":"boolean","User photos.type":"string","User photos.value":"reference caseExact","User preferredlanguage":"string","User profileurl":"reference caseExact","User roles.display":"string","User roles.primary":"boolean","User roles.type":"string","User roles.value":"string","User schemas":"-","User timezone":"string","User title":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:costcenter":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:division":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:employeenumber":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.$ref":"reference caseExact","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.displayname":"string","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value":"string caseExact","User urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:organization":"string","User username":"string unique","User usertype":"string","User x509certificates.display":"string","User x509certificates.primary":"boolean","User x509certificates.type":"string","User x509certificates.value":"binary caseExact"}');
INSERT INTO public.shared VALUES ('lookups_filled', '{"User":[["userName"],["emails[primary eq true].value","emails[type eq \"work\"].value","emails.value"]],"Group":[["displayName"]]}');
INSERT INTO public.shared VALUES ('directory', 'directory_users:
select
  t.name as "tenant",
  r.id as "id",
  ((d.document -> ''externalId'') #>> ''{}'') as "external_id",
  timestamptz ''epoch'' + r.created * interval ''1 microsecond'' as "created",
  timestamptz ''epoch'' + r.modified * interval ''1 microsecond'' as "modified",
  r.version as "version",
  coalesce(((d.document -> ''displayName'') #>> ''{}''), ((d.document -> ''name'' -> ''formatted'') #>> ''{}'')) as "full_name",
  r.lookup_1 as "login",
  r.lookup_2 as "email",
  r.lookup_1 as "trust_id",
  (select ((x.value -> ''distinguishedName'') #>> ''{}'') from jsonb_each(d.document) as x(key, value) where lower(left(x.key, 4)) = ''urn:'' and ((x.value -> ''distinguishedName'') #>> ''{}'') is not null order by x.key collate "C" limit 1) as "distinguished_name",
  case jsonb_typeof(d.document -> ''active'') when ''boolean'' then (d.document -> ''active'')::boolean end as "active",
  ((d.document -> ''urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'' -> ''department'') #>> ''{}'') as "department"
from tenant t
  join resource r on r.tenant = t.tenant and r.seq >= 72057594037927936 and r.seq < 144115188075855872
  cross join lateral (select r.document::jsonb as document offset 0) d
directory_groups:
select
  t.name as "tenant",
  r.id as "id",
  ((d.document -> ''externalId'') #>> ''{}'') as "external_id",
  timestamptz ''epoch'' + r.created * interval ''1 microsecond'' as "created",
  timestamptz ''epoch'' + r.modified * interval ''1 microsecond'' as "modified",
  r.version as "version",
  r.lookup_1 as "name",
  (select ((x.value -> ''distinguishedName'') #>> ''{}'') from jsonb_each(d.document) as x(key, value) where lower(left(x.key, 4)) = ''urn:'' and ((x.value -> ''distinguishedName'') #>> ''{}'') is not null order by x.key collate "C" limit 1) as "distinguished_name"
from tenant t
  join resource r on r.tenant = t.tenant and r.seq >= 144115188075855872 and r.seq < 216172782113783808
  cross join lateral (select r.document::jsonb as document offset 0) d
directory_memberships:
select
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
  left join resource s on s.tenant = m.tenant and s.seq = m.member_seq and s.seq >= 144115188075855872 and s.seq < 216172782113783808
');
INSERT INTO public.shared VALUES ('schema_changes', '1');


--
-- Data for Name: tenant; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tenant OVERRIDING SYSTEM VALUE VALUES (1, 'default', 'active', 'lenient', 'any', true, 'discard', NULL, NULL, 0, 1795694844884000, 2, NULL, 2);
INSERT INTO public.tenant OVERRIDING SYSTEM VALUE VALUES (4, 'acme', 'active', 'lenient', 'any', true, 'discard', NULL, 5, 1, 1795694845297000, 2, NULL, 1);


--
-- Data for Name: token; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.token VALUES ('9SfnARpEECtM', 1, 'release', '18240b85db06d3ee5ac4302afaa3154a6c05cb224e08feee706678645f91d3f1', 'read-write', 1795694844940000, 1827230844940000, 1795694845433000, NULL);
INSERT INTO public.token VALUES ('c7ks6asuLwvM', 4, 'okta', '391830bdd7a3f2bbf1ca2b635352b5c6ee165ff39071d3351a36a61432ff618d', 'read-write', 1795694845369000, 2111054845369000, 1795694845891000, NULL);
INSERT INTO public.token VALUES ('BTYYOwoN2sIl', 1, 'release', '709ad36011e497b71d7d0573a4fb1b2064eaa3b0c0c498b886903a0321ea8779', 'read-write', 1795694846009000, 4949294846009000, NULL, NULL);


--
-- Name: attribute_attribute_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.attribute_attribute_seq', 65, true);


--
-- Name: kind_kind_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.kind_kind_seq', 2, true);


--
-- Name: tenant_tenant_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.tenant_tenant_seq', 6, true);


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: attribute attribute_kind_path_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attribute
    ADD CONSTRAINT attribute_kind_path_key UNIQUE (kind, path);


--
-- Name: attribute attribute_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attribute
    ADD CONSTRAINT attribute_pkey PRIMARY KEY (attribute);


--
-- Name: change_member change_member_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.change_member
    ADD CONSTRAINT change_member_pkey PRIMARY KEY (tenant, change, id);


--
-- Name: change change_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (tenant, change);


--
-- Name: counter counter_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (tenant, kind, shard);


--
-- Name: kind kind_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kind
    ADD CONSTRAINT kind_name_key UNIQUE (name);


--
-- Name: kind kind_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kind
    ADD CONSTRAINT kind_pkey PRIMARY KEY (kind);


--
-- Name: member member_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (tenant, group_seq, member_seq);


--
-- Name: provisioning_body provisioning_body_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.provisioning_body
    ADD CONSTRAINT provisioning_body_pkey PRIMARY KEY (tenant, entry);


--
-- Name: provisioning provisioning_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.provisioning
    ADD CONSTRAINT provisioning_pkey PRIMARY KEY (tenant, entry);


--
-- Name: resource resource_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (tenant, seq);


--
-- Name: shared shared_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shared
    ADD CONSTRAINT shared_pkey PRIMARY KEY (name);


--
-- Name: tenant tenant_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_name_key UNIQUE (name);


--
-- Name: tenant tenant_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant);


--
-- Name: token token_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (id);


--
-- Name: attribute_value_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX attribute_value_search ON public.attribute_value USING btree (tenant, attribute, key, seq, element) WHERE (NOT is_unique);


--
-- Name: attribute_value_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX attribute_value_unique ON public.attribute_value USING btree (tenant, attribute, key) INCLUDE (seq, element) WHERE is_unique;


--
-- Name: member_of; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX member_of ON public.member USING btree (tenant, member_seq, group_seq);


--
-- Name: provisioning_failed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX provisioning_failed ON public.provisioning USING btree (tenant, entry) WHERE (status >= 400);


--
-- Name: provisioning_noted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX provisioning_noted ON public.provisioning USING btree (tenant, entry) WHERE (notes IS NOT NULL);


--
-- Name: provisioning_of_resource; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX provisioning_of_resource ON public.provisioning USING btree (tenant, resource, entry) WHERE (resource IS NOT NULL);


--
-- Name: resource_id; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX resource_id ON public.resource USING btree (id, tenant);


--
-- Name: resource_lookup_1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_lookup_1 ON public.resource USING btree (tenant, lookup_1) WHERE (lookup_1 IS NOT NULL);


--
-- Name: resource_lookup_2; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_lookup_2 ON public.resource USING btree (tenant, lookup_2) WHERE (lookup_2 IS NOT NULL);


--
-- Name: resource_lookup_3; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_lookup_3 ON public.resource USING btree (tenant, lookup_3) WHERE (lookup_3 IS NOT NULL);


--
-- Name: schema_file_of; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX schema_file_of ON public.schema_file USING btree (COALESCE(tenant, 0), urn);


--
-- Name: token_of_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX token_of_tenant ON public.token USING btree (tenant);


--
-- Name: attribute attribute_kind_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attribute
    ADD CONSTRAINT attribute_kind_fkey FOREIGN KEY (kind) REFERENCES public.kind(kind);


--
-- Name: member member_tenant_group_seq_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_tenant_group_seq_fkey FOREIGN KEY (tenant, group_seq) REFERENCES public.resource(tenant, seq);


--
-- Name: member member_tenant_member_seq_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_tenant_member_seq_fkey FOREIGN KEY (tenant, member_seq) REFERENCES public.resource(tenant, seq);


--
-- Name: resource resource_tenant_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_tenant_fkey FOREIGN KEY (tenant) REFERENCES public.tenant(tenant);


--
-- Name: schema_file schema_file_tenant_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_file
    ADD CONSTRAINT schema_file_tenant_fkey FOREIGN KEY (tenant) REFERENCES public.tenant(tenant) ON DELETE CASCADE;


--
-- Name: token token_tenant_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_tenant_fkey FOREIGN KEY (tenant) REFERENCES public.tenant(tenant) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


