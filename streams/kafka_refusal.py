"""Why a broker that is there doesn't let us in, in terms of the settings.

Kafka's clients say of a wrong password, an unknown authority and a broker that isn't there the same: that they couldn't
bootstrap. So, once they have given up, one connection is made by hand, as far as TLS goes; what is left is the login.
"""

from __future__ import annotations

import socket
import ssl

from streams.settings import Kafka
from streams.settings.clients import ssl_context

_PATIENCE_S = 2.0
_ALERT_S = 0.5
"""Within it a broker says that it doesn't take our certificate: by TLS 1.3 it does so after the handshake."""


def refusal(kafka: Kafka) -> str:
    """Say what the broker has against us; "" if there is none, or nothing can be told."""
    host, _, port = kafka.bootstrap.split(",")[0].rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), _PATIENCE_S) as connection:
            if (context := ssl_context(kafka)) is not None:
                return _by_tls(connection, context, host) or _by_login(kafka)
            return _wants_tls(connection, kafka) or _by_login(kafka)
    except OSError:
        return ""


def _by_tls(connection: socket.socket, context: ssl.SSLContext, host: str) -> str:
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            secured.settimeout(_ALERT_S)
            try:
                secured.recv(1)
            except TimeoutError:
                return ""
    except ssl.SSLCertVerificationError as error:
        return (
            f"shows a certificate that isn't trusted ({error.verify_message}); kafka.ca_file (TAPESH_KAFKA__CA_FILE)"
            " names the authorities to trust"
        )
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            said = (error.reason or "").lower().replace("_", " ")
            return (
                f"doesn't take our certificate ({said}); kafka.cert_file and kafka.key_file (TAPESH_KAFKA__CERT_FILE,"
                " TAPESH_KAFKA__KEY_FILE) must be of an authority that it trusts"
            )
        return "doesn't speak TLS there; kafka.security_protocol (TAPESH_KAFKA__SECURITY_PROTOCOL) says that it does"
    except OSError:
        return ""
    return ""


def _wants_tls(connection: socket.socket, kafka: Kafka) -> str:
    curious = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    curious.check_hostname, curious.verify_mode = False, ssl.CERT_NONE  # nothing is said to it but hello
    try:
        curious.wrap_socket(connection).close()
    except OSError:
        return ""
    return (
        "speaks TLS there; kafka.security_protocol (TAPESH_KAFKA__SECURITY_PROTOCOL) is"
        f" {kafka.security_protocol}, expected SSL or SASL_SSL"
    )


def _by_login(kafka: Kafka) -> str:
    if not kafka.security_protocol.startswith("SASL"):
        return ""
    return (
        f"doesn't let {kafka.username!r} in by {kafka.sasl_mechanism}; look at kafka.username, kafka.password and"
        " kafka.sasl_mechanism (TAPESH_KAFKA__USERNAME, ...)"
    )
