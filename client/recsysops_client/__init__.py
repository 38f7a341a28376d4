"""What a recommender embeds: a request log, a reader of overrides, a receiver of webhooks."""

from .overrides import Override, Overrides
from .redis_overrides import OverridesUnavailable, RedisOverrides
from .request_log import RequestLog
from .sampling import Slices
from .webhook import HotfixCall, WebhookReceiver, sign

__all__ = [
    "HotfixCall",
    "Override",
    "Overrides",
    "OverridesUnavailable",
    "RedisOverrides",
    "RequestLog",
    "Slices",
    "WebhookReceiver",
    "sign",
]
