"""`recsysops events …`: the log itself; `migrate`; and `forget`, for what is kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import BaseModel

from bot.cli.shared import Json, moment_of
from bot.cli.terminal import end_in_json, progress, say, stream, table
from bot.slack import witness
from domain.errors import ConfigurationError, RecsysopsError, Refused, Tampered
from workers.door import log_administration, open_door

if TYPE_CHECKING:
    from workers.door.log_administration import Standing, Vouched

T = TypeVar("T")

NO_WITNESS = (
    "No witness is declared ([witness.NAME] in recsysops.toml): whether the tables' owner cut the log's end "
    "off, or made all of its hashes anew, cannot be seen from here."
)

app = typer.Typer()
events = typer.Typer(help="The log itself.", no_args_is_help=True)
app.add_typer(events, name="events")

Exported = Annotated[Path, typer.Argument(metavar="FILE", help="What `events export` wrote.", dir_okay=False)]
Key = Annotated[
    str | None, typer.Option(help="The public key that has to have signed: 64 hexadecimal digits, or a PEM.")
]
Folder = Annotated[Path | None, typer.Option(help="The folder that `events archive` wrote into.")]

Checkpoints = Annotated[
    list[Path] | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Checkpoints that were kept elsewhere, or an export that ends with one; may be given again.",
        dir_okay=False,
    ),
]


@app.command()
def migrate() -> None:
    """Migrate the store to this release, before its processes start."""
    say(f"The store has the shape of this release ({log_administration.migrate()}).")


@app.command()
def forget(
    person: Annotated[str, typer.Argument(help="For instance slack:U0123 or terminal:root.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: Json = False,
) -> None:
    """Forget who somebody is: all they did is then attributed to “a former member”. Cannot be undone."""
    if not yes:
        typer.confirm(f"Forget who {person} is, for ever?", abort=True, err=True)
    if not open_door().forget(person):
        raise Refused(
            f"nobody is known as {person}; write the id with where it is from, for instance slack:U0123"
        )
    end_in_json(as_json, {"forgotten": person})
    say("Forgotten. Messages are drawn anew within a minute; lines that stand in threads stay.")


@events.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Write to this file.", dir_okay=False)] = None,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this position.")] = 0,
    checkpoint: Annotated[bool, typer.Option("--checkpoint", help="End with a signed checkpoint.")] = False,
) -> None:
    """Every event as a line of JSON."""
    lines = log_administration.export(after, signed=checkpoint)
    if file is None:
        stream(lines)
        return
    # All or nothing: half an export looks like a log that ends early.
    fresh = file.with_name(f"{file.name}.new")
    try:
        with fresh.open("wb") as written:
            written.writelines(lines)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


@events.command()
def key() -> None:
    """The public key of this installation, for anyone who verifies its exports."""
    say(log_administration.public_key())


@events.command()
def check(file: Exported, key: Key = None, as_json: Json = False) -> None:
    """Verify an exported file on its own: hashes, order, signatures. Needs no store."""
    checked = log_administration.check(file, key)
    end_in_json(as_json, {"checked": True, **checked.model_dump(mode="json")})
    say(f"{file} is intact: {_counted(checked)}.")
    if checked.archived:
        say(f"Of {checked.archived} events only the hashes are in it; the rest is in an archive.")
    if checked.signed_by is None:
        say("It does not end with a signed checkpoint: whether lines are missing at its end is not known.")
    elif key is None:
        say("Whether that key is the right one is for you to say: --key, and `recsysops events key`.")


@events.command("import")
def restore(file: Exported, key: Key = None, as_json: Json = False) -> None:
    """Put an exported file into an empty store: all of it or nothing."""
    with progress("putting events in") as step:
        restored = log_administration.restore(file, key, step)
    end_in_json(as_json, restored)
    say(f"The store holds what {file} holds: {_counted(restored)}.")
    say("Followers begin behind the last event. End the processes of the old store before you start these.")


@events.command()
def rebuild(as_json: Json = False) -> None:
    """Rebuild the cards from the events, while the system is running."""
    with progress("making cards") as step:
        rebuilt = log_administration.rebuild(step)
    end_in_json(as_json, rebuilt)
    said = f"{rebuilt.cards} cards made again"
    said += f", {rebuilt.stray} without events taken away" if rebuilt.stray else ""
    said += f", {rebuilt.archived} of archived events left as they are" if rebuilt.archived else ""
    say(f"{said}.")


@events.command()
def verify(
    archive: Folder = None, checkpoint: Checkpoints = None, key: Key = None, as_json: Json = False
) -> None:
    """Verify the hash chains and the cards against the events, and the log against its signed checkpoints."""
    wrong: list[RecsysopsError] = []
    verified = _unless(wrong, lambda: log_administration.verify(key))
    held = _unless(wrong, lambda: log_administration.hold(archive, key)) if archive else None
    vouched = _unless(wrong, lambda: log_administration.vouched(checkpoint or (), key, witness.reader()))
    if wrong:
        raise _all(wrong)
    seen = verified.model_dump(mode="json") if verified else {}
    beside = {name: one for name, one in (("archive", held), ("vouched", vouched)) if one is not None}
    end_in_json(as_json, {"verified": True, **seen, **beside})
    if verified is not None:
        say(f"The log is intact: {_counted(verified)}.")
    if verified is not None and verified.former:
        say(f"{verified.former} events were decided by former rules: those stand by their hashes.")
    if held is not None:
        say(f"{archive} holds all that was moved out of it: {_counted(held)}.")
    elif verified is not None and verified.archived:
        say(f"Of {verified.archived} events only the hashes are here; --archive FOLDER reads the rest.")
    if vouched is not None:
        _say_vouched(vouched, key)


def _unless(wrong: list[RecsysopsError], look: Callable[[], T]) -> T | None:
    """The result of a look; None if it finds something wrong, which is then added to `wrong`."""
    try:
        return look()
    except (Tampered, Refused, ConfigurationError) as error:
        wrong.append(error)
        return None


def _all(wrong: list[RecsysopsError]) -> RecsysopsError:
    """All errors in one: tampering must not hide behind an invalid argument."""
    if len(wrong) > 1 and any(isinstance(one, Tampered) for one in wrong):
        return Tampered("\n".join(map(str, wrong)))
    return wrong[0]


def _say_vouched(vouched: Vouched, key: str | None) -> None:
    for name, why in vouched.unread.items():
        say(f"The witness “{name}” could not be read: {why}.")
    fits = vouched.compared
    if fits is None:
        say(NO_WITNESS if not vouched.witnesses else "No witness holds a checkpoint of this log yet.")
        return
    say(
        f"{fits.checkpoints} checkpoints fit, the newest of position {fits.newest} ({fits.at}), "
        f"signed by {', '.join(fits.signed_by)}."
    )
    if vouched.behind:
        say(f"For the {vouched.behind} events after it nobody outside the database has a checkpoint yet.")
    if key is None:
        say("Whether that key is the right one is for you to say: --key, and `recsysops events key`.")


@events.command()
def witnesses(as_json: Json = False) -> None:
    """The witnesses that keep checkpoints of the log outside the database: how far each is, and its state."""
    found = log_administration.witnesses()
    end_in_json(as_json, {"witnesses": found})
    if not found:
        say(NO_WITNESS)
        return
    table("", ("Witness", "Kind", "Position", "Behind", "State"), [_standing(one) for one in found])


def _standing(one: Standing) -> tuple[str, ...]:
    state = one.trouble or ("waiting" if one.waiting else "up to date" if not one.behind else "not due yet")
    return (one.name, one.kind, str(one.position), str(one.behind), state)


@events.command()
def archive(
    to: Annotated[Path, typer.Option(help="A folder; made where missing.", file_okay=False)],
    before: Annotated[str | None, typer.Option(help="Only incidents closed before this day, UTC.")] = None,
    as_json: Json = False,
) -> None:
    """Write the events of closed incidents as Parquet, one file a month. The store stays as it is."""
    written = log_administration.archive(to, moment_of(before) if before else None)
    end_in_json(as_json, {"files": written})
    for file in written:
        say(f"{file.file}: {file.events} events of {file.streams} incidents, SHA-256 {file.sha256}")
    if not written:
        say("Nothing new: the months that are over are in the folder already, or nothing was closed.")


@events.command()
def prune(
    days: Annotated[int, typer.Option(min=30, help="Of incidents closed longer ago than this.")],
    archive: Folder = None,
    as_json: Json = False,
) -> None:
    """
    Remove all but the log of incidents closed long ago; with --archive also the events archived there.

    The events' hashes stay, so that the log can still be verified. Only the tables' owner may do that.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    dropped = None if archive is None else log_administration.drop(archive, before)
    forgotten = log_administration.forget(before)
    end_in_json(as_json, {"forgotten": forgotten, "dropped": dropped})
    say(f"Taken away: {_counted(forgotten)}.")
    if dropped is not None:
        say(f"{dropped.events} events of {dropped.streams} incidents dropped; their hashes stay.")
        for stream, why in dropped.kept.items():
            say(f"{stream} stays: {why}")


def _counted(found: BaseModel) -> str:
    values = found.model_dump(mode="json", exclude_none=True).items()
    return ", ".join(f"{v} {k}" if isinstance(v, int) else f"{k.replace('_', ' ')} {v}" for k, v in values)
