"""Settings from the environment: every one has a default that works. The only reader of os.environ."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.addresses import allowed_places

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 5000


class BadSetting(Exception):
    """A setting that cannot be used; the text names the variable and what it must look like."""


@dataclass(frozen=True)
class Settings:
    """Everything the environment can say. Times in seconds."""

    secret_key: str
    database_url: str
    redis_url: str
    redis_is_embedded: bool
    instance: Path
    base_url: str
    port: int
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    smtp_url: str | None
    mail_from: str
    allowed_outgoing: tuple[str, ...]
    slack_webhook_url: str | None
    github_api_url: str
    github_token: str | None
    """Hosts, addresses and networks that requests to the outside may reach besides the public internet."""
    demo: bool
    log_level: str
    log_format: str
    testing: bool

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises BadSetting naming the variable that cannot be used."""
    env = os.environ if env is None else env
    instance = Path(env.get("TIDINGS_INSTANCE") or ROOT / "instance").resolve()
    port = _number(env, "PORT", DEFAULT_PORT)
    base_url = (env.get("BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/")
    return Settings(
        secret_key=env.get("SECRET_KEY") or _kept_secret(instance),
        database_url=_database_url(env.get("DATABASE_URL"), instance),
        redis_url=env.get("REDIS_URL") or f"unix://{socket_path(instance)}",
        redis_is_embedded=not env.get("REDIS_URL"),
        instance=instance,
        base_url=base_url,
        port=port,
        trusted_hosts=_trusted_hosts(env.get("TRUSTED_HOSTS"), base_url),
        trusted_proxies=_number(env, "TRUSTED_PROXIES", 0),
        smtp_url=_smtp_url(env.get("SMTP_URL")),
        mail_from=env.get("MAIL_FROM") or f"Tidings <tidings@{urlsplit(base_url).hostname}>",
        allowed_outgoing=_allowed_outgoing(env.get("ALLOWED_OUTGOING")),
        slack_webhook_url=_web_address(env, "SLACK_WEBHOOK_URL", None),
        github_api_url=_web_address(env, "GITHUB_API_URL", "https://api.github.com") or "",
        github_token=env.get("GITHUB_TOKEN") or None,
        demo=env.get("TIDINGS_DEMO", "1") != "0",
        log_level=_choice(env, "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        log_format=_choice(env, "LOG_FORMAT", ("text", "json"), "text"),
        testing=False,
    )


def read_dotenv() -> None:
    """Take settings from .env too, as `flask` does; what the environment says already stays."""
    path = ROOT / ".env"
    if path.exists():
        import dotenv

        dotenv.load_dotenv(path)


def socket_path(instance: Path) -> Path:
    """Where the embedded Valkey listens: short, since a socket path may have 107 bytes."""
    name = hashlib.sha256(str(instance).encode()).hexdigest()[:16]
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(str(runtime)) > 60:
        runtime = Path("/tmp")  # noqa: S108 - the folder below it is made with mode 0700 and checked
    return runtime / f"tidings-{os.getuid()}-{name}" / "valkey.sock"


def _kept_secret(instance: Path) -> str:
    path = instance / "secret_key"
    instance.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(key := secrets.token_hex(32))
    return key


def _database_url(url: str | None, instance: Path) -> str:
    if not url:
        return f"sqlite:///{instance / 'tidings.db'}"
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if url.startswith(("sqlite:///", "postgresql+psycopg://")):
        return url
    raise BadSetting("DATABASE_URL must start with postgresql:// or sqlite:///")


def _smtp_url(url: str | None) -> str | None:
    if not url:
        return None
    if urlsplit(url).scheme not in ("smtp", "smtps") or not urlsplit(url).hostname:
        raise BadSetting("SMTP_URL must look like smtp://user:password@host:587?starttls=1")
    return url


def _allowed_outgoing(entries: str | None) -> tuple[str, ...]:
    allowed = tuple(entry.strip() for entry in (entries or "").split(",") if entry.strip())
    try:
        allowed_places(allowed)
    except ValueError as error:
        raise BadSetting(
            f"ALLOWED_OUTGOING is a list with commas, like hooks.corp,10.0.0.0/8: {error}"
        ) from None
    return allowed


def _web_address(env: Mapping[str, str], name: str, default: str | None) -> str | None:
    url = env.get(name)
    if not url:
        return default
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadSetting(f"{name} must be an address that begins with https://")
    return url.rstrip("/")


def _trusted_hosts(hosts: str | None, base_url: str) -> tuple[str, ...]:
    if hosts:
        return tuple(host.strip() for host in hosts.split(",") if host.strip())
    own = urlsplit(base_url).hostname or "localhost"
    return tuple(dict.fromkeys((own, "localhost", "127.0.0.1", "[::1]")))


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise BadSetting(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.get(name) or default
    for choice in allowed:
        if value.lower() == choice.lower():
            return choice
    raise BadSetting(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
