"""What the migrations leave in the catalogue, as text: catalogue.txt beside this file.

`make catalogue` writes the file anew, `make catalogue ARGS=--check` shows how the file
differs. It is the same on PostgreSQL 15 to 18, and names no owner and no database.
"""

import argparse
import difflib
import sys
from pathlib import Path

from sqlalchemy import text

from rfm import db
from tests.support import supabase

KEPT = Path(__file__).with_name("catalogue.txt")

# One block of text an object, grant or comment; sorted by name, not by the server's locale.
CATALOGUE = text(r"""
    with relations as (
        select c.*, c.oid::regclass::text as name, case c.relkind
            when 'r' then 'table' when 'p' then 'table' when 'v' then 'view'
            when 'm' then 'materialized view' when 'i' then 'index' when 'S' then 'sequence'
        end as kind
        from pg_class as c
        where c.relnamespace = 'public'::regnamespace
    ),

    functions as (
        select p.*, p.oid::regprocedure::text as name
        from pg_proc as p
        where p.pronamespace = 'public'::regnamespace
    ),

    granted as (
        select r.kind, r.name, r.relowner as owner, a.grantee, a.privilege_type, a.is_grantable
        from relations as r
        cross join aclexplode(
            coalesce(r.relacl, acldefault(case r.kind when 'sequence' then 'S' else 'r' end::"char", r.relowner))
        ) as a
        where r.kind <> 'index'
        union all
        select 'function', f.name, f.proowner, a.grantee, a.privilege_type, a.is_grantable
        from functions as f
        cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
    ),

    lines as (
        select r.kind, r.name, 1 as place, concat_ws(
            ', ',
            nullif(array_to_string(r.reloptions, ', '), ''),
            case when r.relrowsecurity then 'row security' end,
            case when r.relforcerowsecurity then 'forced row security' end
        ) as line
        from relations as r
        union all
        -- since PostgreSQL 16 a view of one table names its columns without their table
        select r.kind, r.name, 3, regexp_replace(pg_get_viewdef(r.oid), '\m[a-z]\.', '', 'g')
        from relations as r where r.kind in ('view', 'materialized view')
        union all
        select r.kind, r.name, 3, pg_get_indexdef(r.oid) || case when i.indisvalid then '' else ' INVALID' end
        from relations as r inner join pg_index as i on i.indexrelid = r.oid
        union all
        select r.kind, r.name, 2, concat_ws(
            ' ', 'column',
            -- not attnum: a column that was dropped keeps its number
            lpad(row_number() over (partition by r.oid order by a.attnum)::text, 2), a.attname, format_type(a.atttypid, a.atttypmod),
            case when a.attnotnull then 'not null' end,
            case when a.attidentity <> '' then 'identity ' || a.attidentity::text end,
            case when a.attgenerated <> '' then 'generated ' || a.attgenerated::text end,
            'default ' || pg_get_expr(d.adbin, d.adrelid),
            '-- ' || col_description(r.oid, a.attnum)
        )
        from relations as r
        inner join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where r.kind <> 'index' and r.kind <> 'sequence'
        union all
        select r.kind, r.name, 4, concat_ws(' ', 'constraint', k.conname, pg_get_constraintdef(k.oid))
        from relations as r
        -- since PostgreSQL 18 "not null" is a constraint as well: the column says it
        inner join pg_constraint as k on k.conrelid = r.oid and k.contype <> 'n'
        union all
        select r.kind, r.name, 5, concat_ws(' ', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled,
            '-- ' || obj_description(t.oid, 'pg_trigger'))
        from relations as r inner join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
        union all
        select r.kind, r.name, 6, concat_ws(' ', 'policy', p.polname, p.polcmd, p.polroles::regrole[],
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        from relations as r inner join pg_policy as p on p.polrelid = r.oid
        union all
        select 'function', f.name, 3, pg_get_functiondef(f.oid) from functions as f
        union all
        select g.kind, g.name, 7, concat_ws(
            ' ', 'granted to',
            case g.grantee when 0 then 'public' else g.grantee::regrole::text end || ':',
            string_agg(lower(g.privilege_type) || case when g.is_grantable then ' with grant' else '' end, ', '
                order by g.privilege_type collate "C")
        )
        from granted as g
        where g.grantee <> g.owner and g.privilege_type <> 'MAINTAIN' -- which is new in PostgreSQL 17
        group by g.kind, g.name, g.grantee
        union all
        select r.kind, r.name, 8, '-- ' || obj_description(r.oid, 'pg_class') from relations as r
        union all
        select 'function', f.name, 8, '-- ' || obj_description(f.oid, 'pg_proc') from functions as f
    )

    select concat('## ', l.kind, ' ', l.name, e'\n', string_agg(l.line, e'\n' order by l.place, l.line collate "C"))
    from lines as l
    where l.line <> ''
    group by l.kind, l.name
    order by l.kind collate "C", l.name collate "C"
""")


def catalogue(engine):
    """Return everything in schema public: columns, definitions, options, grants, comments."""
    with engine.connect() as connection:
        return "\n\n".join(connection.scalars(CATALOGUE)) + "\n"


def migrated():
    """Return the catalogue after all migrations."""
    with supabase() as engine:
        db.apply(engine)
        db.enable_history(engine)
        return catalogue(engine)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, exit with 1 if out of step"
    )
    found = migrated()
    if not parser.parse_args().check:
        KEPT.write_text(found, encoding="utf-8")
        return
    kept = KEPT.read_text(encoding="utf-8")
    sys.stdout.writelines(
        difflib.unified_diff(
            kept.splitlines(keepends=True), found.splitlines(keepends=True), "kept", "found"
        )
    )
    sys.exit(kept != found)


if __name__ == "__main__":
    main()
