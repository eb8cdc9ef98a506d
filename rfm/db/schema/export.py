"""The migration files, where the Supabase command line looks for them."""

from collections.abc import Collection
from pathlib import Path

from rfm.db.mapping.definition import Mapping
from rfm.db.schema.migrations import migrations
from rfm.errors import FileInTheWay


def export(
    directory: Path, mapping: Mapping | None = None, *, also: Collection[str] = ()
) -> list[Path]:
    """Write every migration to `directory/supabase/migrations/` and return the written paths.

    With a `mapping`, they are for the schema that it describes. Opt-in migrations are left out,
    except those named in `also`. A file that is there already with
    the same text is left alone and not returned. When one has another text, nothing at all is
    written and `FileInTheWay` says which.

    >>> from tempfile import mkdtemp
    >>> [path.name for path in export(Path(mkdtemp()))][0]
    '20250115000000_create_customer_activity_timeline.sql'
    """
    folder = directory / "supabase" / "migrations"
    texts = {
        folder / f"{migration.name}.sql": migration.script
        for migration in migrations(mapping)
        if not migration.opt_in or migration.name in also
    }
    present = {path: path.read_text(encoding="utf-8") for path in texts if path.exists()}
    changed = [path.name for path, found in present.items() if found != texts[path]]
    if changed:
        raise FileInTheWay(
            f"{len(changed)} file(s) in {folder} have another text: {', '.join(changed)}; "
            "nothing was written, move them away first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = [path for path in texts if path not in present]
    for path in written:
        path.write_text(texts[path], encoding="utf-8")
    return written
