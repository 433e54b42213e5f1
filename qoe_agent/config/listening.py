"""What sections have in common that open a port: an address, and a certificate if they serve TLS."""

import ssl
from typing import Annotated

from pydantic import AfterValidator

from qoe_agent.config.section import wrong


def _listen(value: str) -> str:
    host, port = host_port(value)
    if not 0 <= port <= 65535:
        raise ValueError("the port must be at most 65535")
    if any(letter.isspace() or letter in "/@" for letter in host):
        raise ValueError("must be host:port, such as 127.0.0.1:9843")
    return value


def host_port(value: str) -> tuple[str, int]:
    """`"[::1]:9843"` as `("::1", 9843)`."""
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5) or (":" in bare and bare == host):
        raise ValueError("must be host:port, such as 127.0.0.1:9843")
    return bare, int(port)


Listen = Annotated[str, AfterValidator(_listen)]


class Listening:
    """A section with `listen`, `tls_cert` and `tls_key`."""

    __slots__ = ()
    listen: str
    tls_cert: str | None
    tls_key: str | None

    @property
    def host(self) -> str:
        """Where to listen; empty means every address."""
        return host_port(self.listen)[0]

    @property
    def port(self) -> int:
        """On which port; 0 lets the system choose."""
        return host_port(self.listen)[1]

    def pair(self) -> None:
        """See that certificate and key come together, else raise what is wrong."""
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            raise wrong(missing, "required, because a certificate and its key belong together")

    def tls(self) -> ssl.SSLContext | None:
        """What to serve TLS with; None: without. OSError: the certificate will not do."""
        if self.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.tls_cert, self.tls_key)
        return context
