"""The items behind a finding: which of them hold more rows than before, or fewer."""

from __future__ import annotations

import ibis

from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.sources.aggregate.sliced import in_slice
from workers.sources.engines.source import TIME, open_source

BEFORE = 7  # windows of the same length that show what is usual for an item
MOST_ITEMS = 20


def items_of(recommender: Recommender, finding: Finding) -> dict[str, float]:
    """
    Item → its share of the surplus or shortfall of rows in the slice of `finding`, compared with the usual
    rows per window in the time before; the largest shares. Empty if the table has no items.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    table = recommender.tables.get(finding.table)
    off = finding.observed - finding.expected
    if table is None or table.item is None or finding.unit != "rows" or off == 0:
        return {}
    width = finding.window_end - finding.window_start
    with open_source(recommender, finding.table) as source:
        source.require(table.item)
        rows = source.between(finding.window_start - BEFORE * width, finding.window_end)
        rows = in_slice(recommender, source, rows, finding.slice)
        now = rows[TIME] >= ibis.literal(finding.window_start)
        change = ibis.ifelse(now, 1.0, -1.0 / BEFORE).sum() / off
        by_item = rows.group_by(item=rows[table.item].cast("string")).aggregate(share=change)
        held = source.fetch(by_item.order_by(by_item["share"].desc()).limit(MOST_ITEMS))
    return {
        str(item): float(share) for item, share in zip(held["item"], held["share"], strict=True) if share > 0
    }
