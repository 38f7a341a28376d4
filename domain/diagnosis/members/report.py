"""The members concerned, as evidence: against comparable members, how they differ, and how new ones start."""

from __future__ import annotations

from domain.detection.exposure.cold_start import ColdStart
from domain.diagnosis.items.features import compare_features
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.members.against import Against, against_comparable, free_features, new_members
from domain.diagnosis.members.rows import INSIDE, MemberRows
from domain.recommender.keys.duration import name_duration

OF_MEMBERS = 0.8  # of a slice's rows, by members with most of theirs in it: then it is a slice of members
ODD = 3.0  # standard errors or spreads
NUMBER = "__number"


def report_members(material: Material, known: Known, seed: int) -> None:
    """Whether the members concerned fare differently from comparable ones."""
    rows = _of_members(material)
    if rows is None:
        return
    found = against_comparable(rows, _matched(material), seed=seed)
    by = ", ".join(f"`{name}`" for name in found.nearest_in)
    others = f"comparable members (nearest in {by})" if by else "other members"
    known.say(
        "history",
        f"{found.concerned:,} members concerned have {_size(found.own)} than in the "
        f"{name_duration(rows.before)} before, {found.comparables:,} {others} {_size(found.others)}: "
        f"{_verdict(found)}",
    )


def report_member_features(material: Material, known: Known, seed: int) -> None:
    """How the members concerned differ from comparable ones, apart from what the slice says of them."""
    rows = _of_members(material)
    if rows is None:
        return
    names = free_features(rows, _matched(material))
    numbered = rows.frame.assign(**{NUMBER: [str(n) for n in range(len(rows.frame))]})
    concerned = tuple(numbered.loc[numbered[INSIDE], NUMBER])
    odd = [
        one for one in compare_features(numbered, NUMBER, names, concerned, seed=seed) if one.distance >= ODD
    ]
    if odd:
        known.say(
            "feature",
            f"Against {odd[0].comparables:,} comparable members: `{odd[0].feature}` {odd[0].words}",
            None,
            (("of members", "how it differs"), *((one.feature, one.words) for one in odd[:6])),
        )


def report_new_members(material: Material, known: Known, seed: int) -> None:
    """What new members are shown and choose, against former cohorts at the same age."""
    if material.members is None or material.members.cohorts is None:
        return
    cohorts = material.members.cohorts
    found = new_members(cohorts)
    words = f"{found.count:,} members who joined since {material.clock(cohorts.since)} are shown "
    words += f"{_against(found.shown)} each"
    if found.popular is not None and found.chosen is not None:
        words += f", {_against(found.popular)} of it popular items, and choose {_against(found.chosen)} of it"
    known.say("history", f"{words}, against {len(found.shown.compared)} former cohorts at the same age")


def _of_members(material: Material) -> MemberRows | None:
    """None where the finding's slice is not one of members."""
    rows = material.members
    return rows if rows is not None and rows.own >= OF_MEMBERS else None


def _matched(material: Material) -> tuple[str, ...]:
    return tuple(name for name, _ in material.finding.slice)


def _verdict(found: Against) -> str:
    low, high = (f"{100 * one:+.0f}" for one in (found.low, found.high))
    if not found.differ:
        return f"no other than those, as far as chance lets it be seen [{low} to {high} %]"
    return f"{_size(found.ratio)} against those [{low} to {high} %]"


def _size(change: float) -> str:
    return f"{abs(change):.0%}".replace("%", " %") + (" less" if change < 0 else " more")


def _against(found: ColdStart) -> str:
    return f"{_size(found.ratio)} [{100 * found.low:+.0f} to {100 * found.high:+.0f} %]"
