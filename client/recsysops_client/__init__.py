"""What a recommender embeds: a request log, a reader of overrides, a receiver of webhooks."""

from .overrides import Override, Overrides
from .request_log import RequestLog
from .sampling import Slices
from .webhook import HotfixCall, WebhookReceiver, sign

__all__ = ["HotfixCall", "Override", "Overrides", "RequestLog", "Slices", "WebhookReceiver", "sign"]
