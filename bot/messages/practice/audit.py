"""The ML Test Score, as blocks, as lines for a terminal, and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from bot.messages import words
from bot.messages.blocks import Block, context, header, section
from bot.messages.blocks import escape as plain
from bot.messages.link import Link, linked, nowhere
from bot.messages.report import ENVIRONMENT, utc
from domain.answer import Audit, Part, Proof, ScoredTest

SIGNS = {0.0: "○", 0.5: "◐", 1.0: "●"}
_INCIDENT = re.compile(r"(?<!&)#(\d+)")  # but not an entity such as &#39;
MOST = 7
"""The most points that a section can have."""


def number(points: float) -> str:
    """
    >>> number(1.5), number(2.0)
    ('1.5', '2')
    """
    return f"{points:g}"


def headline(audit: Audit) -> str:
    """The score in one line."""
    return f"ML Test Score {number(audit.score)} of {MOST}: {audit.reading}"


def sums(audit: Audit) -> str:
    """The four sections in one line."""
    return " · ".join(f"{part.name} {number(part.points)}" for part in audit.parts)


def spoken(proof: Proof, names: words.Names = words.NOBODY) -> str:
    """One proof as a clause, with the person who vouches for it."""
    return f"{proof.says} ({words.spoken(proof.by, names)})" if proof.by else proof.says


def with_reports(proof: Proof, link: Link, names: words.Names = words.NOBODY) -> Markup:
    """The same for the page: incidents link to their reports. A name that is no incident's gets no link."""
    said = escape(spoken(proof, names))
    if proof.source != "incidents":
        return said

    def report(found: re.Match[str]) -> str:
        address = link(f"/reports/{found[1]}")
        return f'<a href="{escape(address)}">{found[0]}</a>' if address else found[0]

    return Markup(_INCIDENT.sub(report, str(said)))  # noqa: S704 - escaped before


def gaps(part: Part) -> list[ScoredTest]:
    """The tests of a section that earn no points."""
    return [one for one in part.tests if not one.points]


def without_evidence(audit: Audit) -> Iterator[str]:
    """One line per section that has tests without any points."""
    for part in audit.parts:
        if lacking := gaps(part):
            yield f"{part.name}: no evidence for {', '.join(one.test.id for one in lacking)}"


def blocks(audit: Audit, link: Link) -> list[Block]:
    """For Slack: the score, the sections, what has no evidence yet, and a link to the whole audit."""
    lacking = "\n".join(without_evidence(audit)) or "There is evidence for every test."
    shown = (header(headline(audit)), section(plain(sums(audit))), section(plain(lacking)))
    return [*shown, context(linked("All 28 tests with their evidence", link("/audit")))]


def rows(audit: Audit, names: words.Names = words.NOBODY) -> Iterator[tuple[str, str, str, str]]:
    """(test, points, name, supporting proof) for all tests, and before each section a row with its sum."""
    for part in audit.parts:
        yield part.name, number(part.points), "", ""
        for one in part.tests:
            said = [f"{spoken(proof, names)}{f' {proof.link}' if proof.link else ''}" for proof in one.proofs]
            yield one.test.id, SIGNS[one.points], one.test.name, "\n".join(said) or "–"


def people(audit: Audit) -> set[str]:
    """The ids of all people named on the page."""
    every = (proof for part in audit.parts for one in part.tests for proof in one.proofs)
    return {proof.by for proof in every if proof.by}


def html(audit: Audit, names: words.Names = words.NOBODY, link: Link = nowhere) -> str:
    """The page of the audit; `link` gives the addresses its reader may follow."""
    return ENVIRONMENT.get_template("audit.html.j2").render(
        audit=audit,
        number=number,
        gaps=gaps,
        linked=lambda proof: with_reports(proof, link, names),
        utc=utc,
        most=MOST,
        link=link,
    )


def undeclared_html(reason: str, link: Link = nowhere) -> str:
    """The page shown while the declaration cannot be read."""
    return ENVIRONMENT.get_template("undeclared.html.j2").render(reason=reason, link=link)
