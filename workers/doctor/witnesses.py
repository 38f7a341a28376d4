"""What `recsysops doctor` says about the witnesses: whether there is one, is readable, and keeps up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psycopg import Error as StoreError
from sqlalchemy.exc import SQLAlchemyError

from domain.answer import Advice
from domain.errors import ConfigurationError, Tampered, WitnessError
from domain.recommender.recommender import Recommender
from domain.recommender.witness import Witness
from workers.environment.settings import Settings, read_settings
from workers.store.connection import engine
from workers.witnesses.held import Standing, standings
from workers.witnesses.kind import Surroundings
from workers.witnesses.registry import open_witness


def examine_witnesses(recommender: Recommender, environment: Mapping[str, str]) -> Iterator[Advice]:
    """What there is to say; a witness is asked what it holds, not to take anything."""
    if not recommender.witness:
        says = "nobody outside the database keeps checkpoints: its owner could cut the log's end off unseen"
        fix = 'add [witness.NAME], for instance with kind = "folder" on another machine\'s disk'
        yield Advice(level="note", where="witness", says=says, fix=fix)
        return
    try:
        named = read_settings(environment)
    except ConfigurationError:
        return  # reported for the broker, which reads the same variables
    if named.signing_key is None:
        says = "the key that signs lies in the data folder of each machine that works"
        yield Advice(level="note", where="witness", says=says, fix="name one key in RECSYSOPS_SIGNING_KEY")
    around = Surroundings(environment, named.var)
    known = _known(recommender, named)
    for witness in recommender.witness.values():
        where = f"witness.{witness.name}"
        said = [*_reads(witness, named.workspace, around, where), *_gets_on(known.get(witness.name), where)]
        yield from said or [Advice(level="ok", where=where, says="shows what it took")]


def _known(recommender: Recommender, named: Settings) -> dict[str, Standing]:
    """What the store knows about each; nothing if it does not answer, which is reported for the store."""
    if named.database_url is None:
        return {}
    try:
        found = standings(engine(named.database_url, named.workspace), recommender.witness)
    except (SQLAlchemyError, StoreError):
        return {}
    return {one.name: one for one in found}


def _reads(witness: Witness, workspace: str, around: Surroundings, where: str) -> Iterator[Advice]:
    try:
        keeper = open_witness(witness, around)
        if keeper is None:
            return  # in the chat: `recsysops events verify` reads it there
        if keeper.held(workspace) is None:
            says = "takes checkpoints and shows none: `events verify` cannot hold the log against them"
            yield Advice(level="note", where=where, says=says, fix="declare where they can be read")
    except WitnessError as error:
        yield Advice(level="error", where=where, says=str(error), fix="fix it, or correct the declaration")
    except Tampered as error:
        yield Advice(level="error", where=where, says=str(error), fix="`recsysops events verify`")


def _gets_on(known: Standing | None, where: str) -> Iterator[Advice]:
    if known is None:
        return
    if known.trouble:
        says = f"did not take a checkpoint: {known.trouble}"
        yield Advice(level="error", where=where, says=says, fix="it is offered again; fix the cause")
    elif known.late:
        says = f"has taken none for long: {known.behind} events came since position {known.position}"
        fix = "start the clock and a worker (for a channel, the announcer)"
        yield Advice(level="warning", where=where, says=says, fix=fix)
