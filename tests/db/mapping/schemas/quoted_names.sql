-- Text keys, and names that only a quoted identifier can have. Times are local, amounts are floats.
create schema "Kunden & Co.";

create table "Kunden & Co."."Kunde ""A""" (
    "Kunden-Nr: 1%" varchar(20) primary key default md5(random()::text)::varchar(20),
    "E'Mail" text
);

create table "Kunden & Co."."order COLUMNS" (
    "id" integer generated always as identity primary key,
    "select" text references "Kunden & Co."."Kunde ""A""" ("Kunden-Nr: 1%") on update cascade,
    ":wann" timestamp not null default now(),
    "100%" double precision
);
