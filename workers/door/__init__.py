"""
All that the bot may ask: the door (`workers.door.door`), and what takes a terminal (`workers.verbs`), both
handed on here. What an operator asks of the log itself is in `workers.ledger`.

Imports no science: a click is answered at once, and shap alone takes seconds.
"""

from workers.attest import Attest, Withdraw
from workers.door.door import Door, open_door
from workers.groups import KeptGroups
from workers.handle import Answer
from workers.owed import Owed
from workers.redaction import prose as redacted
from workers.release import watch as watch_release
from workers.settings import Login, forget_variables, left_variables
from workers.settings import settings as environment
from workers.shown import OwedMessage
from workers.store.followers import Following
from workers.store.sums import OwedSum
from workers.verbs import (
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
    misses,
    new_check,
    pause,
    plan_logging,
    promote,
    promotion,
    records,
    rehearse,
    replay,
    retry,
    run_check,
    scorecard,
    stop_embedded,
)

__all__ = [
    "Answer",
    "Attest",
    "Door",
    "Following",
    "KeptGroups",
    "Login",
    "Looked",
    "Owed",
    "OwedMessage",
    "OwedSum",
    "Withdraw",
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
    "misses",
    "new_check",
    "open_door",
    "pause",
    "plan_logging",
    "promote",
    "promotion",
    "records",
    "redacted",
    "rehearse",
    "replay",
    "retry",
    "run_check",
    "scorecard",
    "stop_embedded",
    "watch_release",
]
