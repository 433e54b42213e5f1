"""Signatures of what is posted, as each receiver checks them. Pure: the time is given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

STANDARD = "whsec_"


def standard(secret: str, message: str, at: float, body: bytes) -> dict[str, str]:
    """Headers by the Standard Webhooks specification 1.0.0 (https://www.standardwebhooks.com).

    HMAC-SHA256 over id, time and body. A secret that begins with `whsec_` is base64, any other is taken as it stands.
    """
    key = secret.encode()
    if secret.startswith(STANDARD):
        try:
            key = base64.b64decode(secret.removeprefix(STANDARD), validate=True)
        except binascii.Error:
            key = secret.encode()
    stamp = str(int(at))
    signed = hmac.digest(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def feishu(secret: str, at: float) -> dict[str, str]:
    """Fields of the body (open.feishu.cn, custom bot usage guide): the key is time and secret, the message empty."""
    stamp = str(int(at))
    signed = hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)
    return {"timestamp": stamp, "sign": base64.b64encode(signed).decode()}


def dingtalk(secret: str, at: float, url: str) -> str:
    """The address with time and signature (open.dingtalk.com, custom robot security settings): in milliseconds."""
    stamp = str(int(at * 1000))
    signed = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("timestamp", stamp)]
    query.append(("sign", base64.b64encode(signed).decode()))
    return urlunsplit(parts._replace(query=urlencode(query)))
