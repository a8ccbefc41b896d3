"""The edge to the mail server, spoken with a real one: TLS from the first byte or later, signing in, refusals."""

import ipaddress
import ssl
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import clock, mail
from tests.support.smtp import mail_server

PASSWORD = "p@ss word/:?"
QUOTED = "p%40ss%20word%2F%3A%3F"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key with a certificate for 127.0.0.1 that only those trust who are told to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What the server shows."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Tidings <tidings@example.org>", "ann@example.org", "Hello"
    made.set_content("Hello")
    return made


def let_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    """Only the one who knows the password."""
    known = isinstance(given, LoginPassword) and given == LoginPassword(b"tidings", PASSWORD.encode())
    return AuthResult(success=known, handled=False)


def test_starttls_and_sign_in_come_before_the_message(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    options = {"tls_context": tls, "require_starttls": True, "authenticator": let_in, "auth_required": True}
    with mail_server(**options) as mailbox:
        url = f"smtp://tidings:{QUOTED}@127.0.0.1:{mailbox.port}"
        assert mail.send(message(), f"{url}?starttls=1") == "127.0.0.1"
        with pytest.raises(mail.MailFailed, match="STARTTLS|AUTH"):
            mail.send(message(), url)
    assert mailbox.receivers == ["ann@example.org"]


def test_a_wrong_password_is_our_fault_and_not_the_receivers(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    options = {"tls_context": tls, "require_starttls": True, "authenticator": let_in, "auth_required": True}
    with mail_server(**options) as mailbox, pytest.raises(mail.MailFailed, match="535"):
        mail.send(message(), f"smtp://tidings:wrong@127.0.0.1:{mailbox.port}?starttls=1")
    assert mailbox.receivers == []


def test_a_certificate_nobody_vouches_for_gets_no_mail(tls: ssl.SSLContext) -> None:
    with mail_server(tls_context=tls) as mailbox, pytest.raises(mail.MailFailed, match="certificate"):
        mail.send(message(), f"smtp://127.0.0.1:{mailbox.port}?starttls=1")
    assert mailbox.receivers == []


def test_a_server_without_tls_gets_no_mail_when_tls_is_asked_for() -> None:
    with mail_server() as mailbox, pytest.raises(mail.MailFailed, match="STARTTLS"):
        mail.send(message(), f"smtp://127.0.0.1:{mailbox.port}?starttls=1")
    assert mailbox.receivers == []


def test_tls_from_the_first_byte(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(ssl_context=tls) as mailbox:
        mail.send(message(), f"smtps://127.0.0.1:{mailbox.port}")
    assert mailbox.receivers == ["ann@example.org"]
