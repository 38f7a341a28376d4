"""What other tables say of the same slice, and what else happened around the onset, as evidence."""

from __future__ import annotations

from domain.diagnosis.known import Known
from domain.diagnosis.material import Material

RIGHT = 0.15  # relative change below which another table counts as right
NEAR_SECONDS = 6 * 3600


def report_tables(material: Material, known: Known, seed: int) -> None:
    """The standby, and other tables with the same slice."""
    spare = material.standby
    if spare is not None and spare.rows_standby > 0:
        lost = 1 - spare.rows / spare.rows_standby
        words = (
            f"`{material.feed}` has {spare.rows:,.0f} rows, "
            f"its standby `{spare.table}` {spare.rows_standby:,.0f}"
        )
        more = f"{-100 * lost:.0f} % more than it" if lost < -0.1 else "nothing was lost on the way"
        verdict = f"{100 * lost:.0f} % are not here" if lost > 0.1 else more
        known.say("history", f"{words}: {verdict}")
    for table, observed, expected in material.beside:
        off = observed / expected - 1 if expected else 0.0
        state = "as usual" if abs(off) < RIGHT else _off(off, material.finding.change)
        known.say("history", f"The same slice in `{table}`: {state} ({observed:,.0f} of {expected:,.0f})")


def _off(off: float, finding: float) -> str:
    size = f"{abs(off):.0%}".replace("%", " %")
    same = " as well" if (off < 0) == (finding < 0) else ""
    return f"{size} {'fewer' if off < 0 else 'more'} rows{same}"


def report_events(material: Material, known: Known, seed: int) -> None:
    """Deliveries and trainings shortly before it began, the newest three."""
    began = known.onset.since if known.onset is not None else known.outside_since
    if began is None:
        return
    near = [
        (moment, words)
        for moment, words in material.events
        if -900 <= (began - moment).total_seconds() <= NEAR_SECONDS
    ]
    lines = dict.fromkeys(
        f"{words} at {material.clock(moment)}" for moment, words in sorted(near, reverse=True)
    )
    for words in list(lines)[:3]:
        known.say("change", words)


def report_learned_from(material: Material, known: Known, seed: int) -> None:
    """Where the finding is of a training, or of what it takes: how many rows it took, beside those before."""
    of_a_run, table = material.fault == "training_data", material.finding.table
    for one in material.training_rows:
        if not of_a_run and one.table != table:
            continue
        rows = one.counts.groupby("training")["rows"].sum()
        taken, before = rows.get(0, 0.0), sorted(rows.drop(0, errors="ignore"))
        usual = " to ".join(dict.fromkeys(f"{count:,.0f}" for count in (*before[:1], *before[-1:])))
        words = f"The training at {material.clock(one.at)} took {taken:,.0f} rows of `{one.table}`"
        known.say("history", f"{words}; before it {usual}" if usual else words)
