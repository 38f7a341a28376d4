"""What an event of its ending changes in an incident."""

from __future__ import annotations

from typing import Any, assert_never

from domain.incident import events as e
from domain.incident.state.follow_up import OF_CHANGE
from domain.incident.state.incident import Incident, drawing, without


def of_ending(incident: Incident, record: e.Recorded, event: e.Ending) -> dict[str, Any]:
    """The fields of the incident that this event of its ending changes."""
    match event:
        case e.IncidentResolved():
            asked = (record.id, record.at)
            awaits = without(incident, "diagnose", "menu") | drawing(incident, asked)
            if incident.proposed is None:
                awaits["follow_up"] = asked
            return {
                "status": "resolved",
                "resolved_at": record.at,
                "resolved_how": event.how,
                "resolution": event.reason,
                "mitigated_at": incident.mitigated_at or record.at,
                "awaits": awaits,
            }
        case e.IncidentReopened():
            return {
                "status": "acknowledged" if incident.acknowledged_at else "open",
                "resolved_at": None,
                "resolved_how": None,
                "resolution": None,
                "mitigated_at": None,
                "closed_at": None,
                "proposed": None,  # the next end decides: it may turn out a false alarm
                "changes": (),
                "proposed_note": "",
                "follow_up": None,
                "follow_up_ended_at": None,
                "change": None,
                "change_came": None,
                "followed": None,
                "awaits": without(incident, "follow_up", *OF_CHANGE),
                "merged_into": None,
                "kept_apart": incident.kept_apart or incident.merged_into is not None,
            }
        case e.IncidentMerged():
            return {
                "status": "closed",
                "closed_at": record.at,
                "merged_into": event.number,
                "awaits": without(incident, "menu"),
            }
        case e.IncidentClosed():
            return {"status": "closed", "closed_at": record.at}
        case _:
            assert_never(event)
