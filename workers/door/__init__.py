"""
Everything that the bot may ask: the door (`workers.door.door`) and its terminal (`workers.door.terminal`),
both re-exported here. What operators ask about the log itself is in `workers.door.log_administration`.

Imports no science: a click is answered at once, and shap alone takes seconds.
"""

from workers.door.door import Door, open_door
from workers.door.terminal import (
    Looked,
    alarms,
    announced,
    backtest,
    backtest_picture,
    bundle,
    bundle_again,
    burn_in,
    checks,
    doctor,
    embedded,
    evidence,
    export_bundle,
    fallen_embedded,
    init,
    installation_key,
    item,
    kept_misses,
    left_embedded,
    logging_coverage,
    migrate,
    misdeclared,
    misses,
    new_check,
    pause,
    records,
    rehearse,
    replay,
    replay_incidents,
    retry,
    run_check,
    stop_embedded,
    suggest,
)
from workers.environment.address import why_not
from workers.environment.redaction import prose as redacted
from workers.environment.settings import Login, forget_variables, left_variables
from workers.environment.settings import settings as environment
from workers.log.groups import KeptGroups
from workers.log.handle import Answer
from workers.log.open_obligations import OpenObligation
from workers.log.shown import Flood, OwedMessage
from workers.store.followers import Following
from workers.store.release import watch as watch_release
from workers.store.sums import ObligationSum

__all__ = [
    "Answer",
    "Door",
    "Flood",
    "Following",
    "KeptGroups",
    "Login",
    "Looked",
    "ObligationSum",
    "OpenObligation",
    "OwedMessage",
    "alarms",
    "announced",
    "backtest",
    "backtest_picture",
    "bundle",
    "bundle_again",
    "burn_in",
    "checks",
    "doctor",
    "embedded",
    "environment",
    "evidence",
    "export_bundle",
    "fallen_embedded",
    "forget_variables",
    "init",
    "installation_key",
    "item",
    "kept_misses",
    "left_embedded",
    "left_variables",
    "logging_coverage",
    "migrate",
    "misdeclared",
    "misses",
    "new_check",
    "open_door",
    "pause",
    "records",
    "redacted",
    "rehearse",
    "replay",
    "replay_incidents",
    "retry",
    "run_check",
    "stop_embedded",
    "suggest",
    "watch_release",
    "why_not",
]
