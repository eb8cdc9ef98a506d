"""A stranger who may create objects in public, and puts better fitting ones there than ours."""

from tests.support import run, session

# A trap counts its call in a way that no rollback takes back, and fails.
_SPRUNG = """
create sequence public.sprung;
grant all on public.sprung to public;
create function public.spring() returns void language plpgsql as $$
begin
    perform pg_catalog.nextval('public.sprung'::pg_catalog.regclass);
    raise exception 'code of a stranger runs as %', current_user;
end $$;
"""

# Operators and functions between built-in types that PostgreSQL has only by a cast: `bigint * numeric`
_BUILT_IN_TRAPS = """
do $$
declare
    kinds constant text[] := '{smallint,real,regproc,regtype,json,integer,bigint,numeric,double precision,text,varchar,name,
        boolean,timestamptz,date,interval,uuid,oid,regclass,jsonb,text[],name[],uuid[],integer[]}';
    one text;
    other text;
    symbol text;
    named text;
begin
    foreach one in array kinds loop
        foreach other in array kinds loop
            execute format(
                'create function public.trap(%s, %s) returns boolean language plpgsql as'
                ' ''begin perform public.spring(); return true; end''',
                one, other
            );
            execute format(
                'create function public.trapped(%s, %s) returns %1$s language plpgsql as'
                ' ''begin perform public.spring(); return $1; end''',
                one, other
            );
            foreach symbol in array '{=,<>,<,>,<=,>=,~~}'::text[] loop
                execute format(
                    'create operator public.%s (leftarg = %s, rightarg = %s, function = public.trap)',
                    symbol, one, other
                );
            end loop;
            foreach symbol in array '{+,-,*,/,||}'::text[] loop
                execute format(
                    'create operator public.%s (leftarg = %s, rightarg = %s, function = public.trapped)',
                    symbol, one, other
                );
            end loop;
        end loop;
        foreach named in array '{lower,btrim,isfinite,cardinality,array_length,quote_ident,strpos}'::text[] loop
            execute format(
                'create function public.%s(%s) returns %2$s language plpgsql as'
                ' ''begin perform public.spring(); return $1; end''',
                named, one
            );
        end loop;
        foreach named in array '{min,max,sum,count,string_agg,array_agg}'::text[] loop
            execute format(
                'create aggregate public.%s(%s) (sfunc = public.trapped, stype = %2$s)', named, one
            );
        end loop;
        begin
            execute format('create domain public.%s as %s check (public.trap(smallint ''1'', smallint ''1''))', one, 'pg_catalog.' || one);
        exception when syntax_error or undefined_object then
            null; -- a name of two words, an array
        end;
    end loop;
end $$;
"""

# Every function of ours again, with fewer arguments and with others: where a call of ours leaves one
# out, or leaves its type open, the stranger's fits as well or better.
_OVERLOADS = """
do $$
declare
    ours record;
    types text[];
    arguments text;
    one text;
begin
    for ours in
        select p.proname, array(select t.oid from unnest(p.proargtypes) as t (oid)) as types
        from pg_catalog.pg_proc as p
        inner join pg_catalog.pg_description as d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass
        where
            p.pronamespace = 'public'::regnamespace
            and p.prorettype <> 'trigger'::regtype
    loop
        for given in 0..cardinality(ours.types) loop
            types := array(
                select format_type(t.oid, null)
                from unnest(ours.types[1:given]) with ordinality as t (oid, place)
                order by t.place
            );
            for place in 0..given loop
                foreach one in array '{integer,bigint,text,"timestamp with time zone",timestamp,date,boolean,"uuid[]","text[]"}'::text[] loop
                    arguments := array_to_string(
                        case when place = 0 then types else types[:place - 1] || one || types[place + 1:] end, ', '
                    );
                    begin
                        execute format(
                            'create function public.%I(%s) returns void language plpgsql as'
                            ' ''begin perform public.spring(); end''',
                            ours.proname, arguments
                        );
                    exception when duplicate_function then
                        null;
                    end;
                end loop;
            end loop;
        end loop;
    end loop;
end $$;
"""


def allow(owner, stranger="crm_stranger"):
    """Let a stranger create objects in public, as a database of PostgreSQL 14 does."""
    run(owner, f"grant create, usage on schema public to {stranger}")


def trap_built_ins(owner, stranger="crm_stranger"):
    with session(owner, username=stranger) as connection:
        connection.execute(_SPRUNG)
        connection.execute(_BUILT_IN_TRAPS)


def trap_ours(owner, stranger="crm_stranger"):
    with session(owner, username=stranger) as connection:
        connection.execute("set search_path = ''")  # or it steps into its own traps
        connection.execute(_OVERLOADS)


def sprung(owner):
    """Tell whether any trap was ever called."""
    [(called,)] = run(owner, "select is_called from public.sprung")
    return called
