"""Which addresses on the net may be reached: what a URL may look like, and which ranges of numbers are refused.

Judged is what a name resolved to, never how it was spelled: `127.1`, `0x7f000001` and a name of somebody's own that
points to 127.0.0.1 are one address. IPv4 is refused by the ranges below (IANA's special-purpose registry, with what
clouds answer on), IPv6 is let through in allocated ranges only. The ranges are written out because the properties of
`ipaddress` are not made for this: `not is_global` lets 16 of 45 known traps through.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = (80, 443)
"""The ports that are open to everybody; others only on hosts and networks that were allowed."""
LONGEST = 2_000
"""Characters of a URL."""
_HINT = "An administrator can allow it with ALLOWED_OUTGOING"

_REFUSED_V4 = {
    "0.0.0.0/8": "this machine",
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "a provider's inner network",
    "127.0.0.0/8": "this machine",
    "168.63.129.16/32": "a cloud's own services",
    "169.254.0.0/16": "a link-local network (where clouds keep their secrets)",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "a reserved network",
    "192.0.2.0/24": "a network for examples",
    "192.31.196.0/24": "a reserved network",
    "192.52.193.0/24": "a reserved network",
    "192.88.99.0/24": "a relay between networks",
    "192.168.0.0/16": "a private network",
    "192.175.48.0/24": "a reserved network",
    "198.18.0.0/15": "a network for measurements",
    "198.51.100.0/24": "a network for examples",
    "203.0.113.0/24": "a network for examples",
    "224.0.0.0/4": "many machines at once",
    "240.0.0.0/4": "a reserved network",
}
_REFUSED_V6 = {
    "::/128": "this machine",
    "::1/128": "this machine",
    "::ffff:0:0/96": "an IPv4 address in disguise",
    "::/96": "an IPv4 address in disguise",
    "64:ff9b::/96": "an IPv4 address in disguise",
    "64:ff9b:1::/48": "an IPv4 address in disguise",
    "2001::/23": "a reserved network",
    "2001:db8::/32": "a network for examples",
    "2002::/16": "a relay between networks",
    "fc00::/7": "a private network",
    "fe80::/10": "a link-local network",
    "fec0::/10": "a private network",
    "ff00::/8": "many machines at once",
}
_ALLOCATED_V6 = (
    "2001::/16",
    "2003::/18",
    "2400::/12",
    "2410::/12",
    "2600::/12",
    "2610::/23",
    "2620::/23",
    "2630::/12",
    "2800::/12",
    "2a00::/12",
    "2a10::/12",
    "2c00::/12",
)

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?][^#\\]*)?",
    re.IGNORECASE | re.ASCII,
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class AddressRefused(Exception):
    """This address may not be reached. The text is a sentence for whoever typed it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes, read from its URL once and never read again."""

    scheme: str
    host: str
    """Lower case, without brackets and without a dot at its end."""
    port: int
    path: str
    literal: Address | None
    """The address, when the host is one."""

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if isinstance(self.literal, ipaddress.IPv6Address) else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an administrator opened besides the public internet."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    def has(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def parse(url: str) -> Place:
    """Read a URL. Raises AddressRefused for whatever two readers could read differently."""
    if not _PRINTABLE.fullmatch(url) or len(url) > LONGEST:
        raise AddressRefused(
            f"Give an address like https://example.com/hook: no spaces, plain characters, at most {LONGEST:,}"
        )
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressRefused(_what_is_wrong(url))
    scheme = found["scheme"].lower()
    host = found["host"].lower().removesuffix(".")
    port = int(found["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65_536:
        raise AddressRefused("The port must be a number from 1 to 65535")
    path = found["path"] or "/"
    literal = _literal(host)
    return Place(
        scheme=scheme,
        host=host.strip("[]"),
        port=port,
        path=path if path.startswith("/") else f"/{path}",
        literal=literal,
    )


@cache
def allowed_places(entries: Sequence[str]) -> Allowed:
    """Read what was allowed: names of hosts, addresses and networks. Raises ValueError naming a bad one."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for entry in (entry.strip().lower() for entry in entries):
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not _is_name(entry) or _NUMBER.fullmatch(entry.rsplit(".")[-1]):
                raise ValueError(f"{entry!r} is neither a host nor a network like 10.0.0.0/8") from None
            hosts.add(entry)
    return Allowed(frozenset(hosts), tuple(networks))


def judge(place: Place, addresses: Iterable[Address], allowed: Allowed) -> None:
    """Raise AddressRefused unless every one of the addresses the place resolved to may be reached."""
    if place.host in allowed.hosts:
        return
    for address in addresses:
        if allowed.has(address):
            continue
        if why := refusal(address):
            raise AddressRefused(f"The host {place.host} leads to {why}, not to the public internet. {_HINT}")
        if place.port not in PORTS:
            raise AddressRefused(f"Only the ports 80 and 443 are open, not {place.port}. {_HINT}")


def refusal(address: Address) -> str | None:
    """What kind of place the address is, when it may not be reached."""
    if isinstance(address, ipaddress.IPv4Address):
        return _kind(address, _networks_v4())
    known = _kind(address, _networks_v6())
    if known or any(address in network for network in _allocated()):
        return known
    return "a network that was given to nobody"


def _kind(address: Address, networks: Iterable[tuple[Network, str]]) -> str | None:
    return next((kind for network, kind in networks if address in network), None)


@cache
def _networks_v4() -> list[tuple[Network, str]]:
    return [(ipaddress.ip_network(network), kind) for network, kind in _REFUSED_V4.items()]


@cache
def _networks_v6() -> list[tuple[Network, str]]:
    return [(ipaddress.ip_network(network), kind) for network, kind in _REFUSED_V6.items()]


@cache
def _allocated() -> list[Network]:
    return [ipaddress.ip_network(network) for network in _ALLOCATED_V6]


def _literal(host: str) -> Address | None:
    """The address that the host is. Raises AddressRefused for a number in any spelling but the usual one.

    `0177.0.0.1`, `2130706433` and `127.1` are numbers to some readers and names to others.
    """
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1])
        if _NUMBER.fullmatch(host.rsplit(".", maxsplit=1)[-1]):
            return ipaddress.IPv4Address(host)
    except ValueError:
        raise AddressRefused("A number as the host must look like 198.20.0.1 or [2a00::1]") from None
    if not _is_name(host):
        raise AddressRefused("The name of the host is not written as names on the internet are")
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")  # whatever a resolver says (RFC 6761)
    return None


def _is_name(host: str) -> bool:
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _what_is_wrong(url: str) -> str:
    scheme, colon, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not colon or scheme.lower() not in ("http", "https"):
        said = "The address must begin with https:// or http://"
    elif "@" in authority:
        said = "The address may not carry a name or a password before the host"
    elif "\\" in url:
        said = "The address may not contain a backslash"
    elif "#" in url:
        said = "The address may not have a part after #: it would never be sent"
    elif not authority:
        said = "The address names no host"
    elif re.fullmatch(r"(\[[^\]]*\]|[^:]*):[^:]*", authority) and not re.search(r":[0-9]{1,5}$", authority):
        said = "The port must be a number from 1 to 65535"
    else:
        said = "The name of the host may have letters, digits, dots and hyphens only"
    return said
