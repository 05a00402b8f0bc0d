"""Those who are told: a real mail server with TLS and a real webhook, on this machine."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PASSWORD = "not in the file"  # noqa: S105


@dataclass
class MailServer:
    """A mail server that wants STARTTLS and a password.

    Attributes:
        url: as the network file writes it, the password in the variable MAIL_PASSWORD.
        mails: what it took.
        encrypted: of each whether it came by TLS.
    """

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.encrypted.append(session.ssl is not None)
        return "250 taken"

    def texts(self) -> list[str]:
        """Each mail's subject and words."""
        return [f"{mail['subject']}\n{_words(mail)}" for mail in self.mails]


def _words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return "" if body is None else str(body.get_content())


def _certificate(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = directory / "mail.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """One that runs as long as the test."""

    def authenticated(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        ours = LoginPassword(b"clinics", PASSWORD.encode())
        return AuthResult(success=given == ours)

    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD.replace(" ", "%20"))
    server = MailServer()
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=_certificate(tmp_path),
        require_starttls=True,
        auth_required=True,
        authenticator=authenticated,
    )
    controller.start()
    server.url = (
        f"mailtos://clinics:${{MAIL_PASSWORD}}@127.0.0.1:{controller.port}?smtp=127.0.0.1&mode=starttls&verify=no"
        "&from=reports@clinics.example&to=team@clinics.example"
    )
    try:
        yield server
    finally:
        controller.stop()


@dataclass
class Webhook:
    """A webhook.

    Attributes:
        url: as the network file writes it.
        took: what it took, as JSON.
        refuses: whether it answers that it is not there for now.
    """

    url: str = ""
    took: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    @property
    def titles(self) -> list[str]:
        """What it was told."""
        return [str(each["title"]) for each in self.took]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """One that runs as long as the test."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"]))
            if not hook.refuses:
                hook.took.append(json.loads(said))
            self.send_response(503 if hook.refuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook.url = f"json://127.0.0.1:{server.server_port}/told"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
