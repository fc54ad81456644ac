"""Webhooks of shops and payment services as events of the contract: who sent it, and what it says."""

from .delivery import BadDelivery, Event, Translation, Webhook
from .shopify import SHOPIFY
from .signatures import BadSignature, sign_timed, verify_timed
from .stripe import STRIPE
from .woocommerce import WOOCOMMERCE

WEBHOOKS: dict[str, Webhook] = {webhook.name: webhook for webhook in (SHOPIFY, STRIPE, WOOCOMMERCE)}

__all__ = [
    "WEBHOOKS",
    "BadDelivery",
    "BadSignature",
    "Event",
    "Translation",
    "Webhook",
    "sign_timed",
    "verify_timed",
]
