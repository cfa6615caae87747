"""The guard: which URLs and addresses a webhook may be sent to. Pure.

An endpoint's URL comes from outside, and what sends to it stands inside a network. So a URL is
refused when it is saved, and its host and each address again when it is connected to.
https://www.iana.org/assignments/iana-ipv4-special-registry/
https://www.iana.org/assignments/iana-ipv6-special-registry/
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.errors import Rejected

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {443, 8443}
_MAX_URL = 2000
_MAX_HOST = 253
# RFC 3986 has no place for these; programs disagree about what they mean.
_STRANGE = set(' \\"<>^`{|}')
# urlsplit lets text follow the brackets, and more than IPv6 stand in them.
_BRACKETS = re.compile(r"\[[^\[\]]*:[^\[\]]*\](?::[0-9]*)?\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# A host whose last label is a number, in whatever base, is an address (WHATWG's URL standard).
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
# Names that never lead out of a machine or a network: RFC 6761, 6762, 7686, 8375 and 9476,
# ICANN's .internal, and usage.
_LOCAL_NAMES = {
    *("localhost", "localdomain", "local", "internal", "intranet", "private", "lan", "home"),
    *("corp", "arpa", "test", "invalid", "onion", "alt"),
}


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# What ALLOW_PRIVATE_ENDPOINTS opens, and nothing besides: loopback and private ranges.
_PRIVATE = _networks(
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
)
# The rest of IANA's registries: also what they call globally reachable is no place for a webhook.
_SPECIAL = _networks(
    # IPv4: this network, shared, link-local, protocol assignments, documentation, AS112, AMT,
    # 6to4 relays, AS112 again, benchmarks, documentation, multicast, reserved and broadcast.
    *("0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24"),
    *("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    # Azure's own, for DNS, health probes and the agent; public by its number.
    # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    "168.63.129.16/32",
    # IPv6 inside the one block that is routed: protocol assignments (Teredo, benchmarks, ORCHID
    # and others), documentation, 6to4, AS112.
    *("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16", "2620:4f:8000::/48"),
)
# All else is special or nobody's: IPv4-mapped, -compatible and -translated addresses, NAT64,
# 100::/64, 5f00::/16, fe80::/10, ff00::/8.
_ROUTED_IPV6 = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class Guard:
    """private: whether http, any port, loopback and private ranges are open.

    forbidden_hosts: names and addresses that stay refused all the same, in lower case. One of
    them on loopback closes all of loopback: what listens there can be reached by other names.
    """

    private: bool = False
    forbidden_hosts: frozenset[str] = frozenset()

    def check_url(self, url: str) -> None:
        """Raises Rejected `endpoint_refused` whose detail says what is wrong with the URL.

        Names are not resolved: where they lead is checked at each connect.
        """
        if len(url) > _MAX_URL or not url.isascii() or not url.isprintable():
            raise _refused(
                f"must be at most {_MAX_URL} printable ASCII characters "
                "(a name in another script is written as xn--…)"
            )
        if set(url) & _STRANGE:
            raise _refused("has a character that has to be percent-encoded")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # its text quotes the URL
            raise _refused("is not a valid URL") from None
        if parts.scheme != "https" and not (self.private and parts.scheme == "http"):
            raise _refused("must begin with https://")
        if "@" in parts.netloc or "#" in url or not parts.hostname:
            raise _refused("must have a host, no user name and no fragment")
        if "[" in parts.netloc and not _BRACKETS.match(parts.netloc):
            raise _refused("is not a valid URL")
        if port == 0 or (port not in {None, *_PORTS} and not self.private):
            raise _refused("must use port 443 or 8443")
        self.check_host(parts.hostname)

    def check_host(self, host: str) -> None:
        """As `check_url`, for a host alone; an IPv6 address without its brackets."""
        host = host.lower()
        if host in self.forbidden_hosts:
            raise _refused("has a host of the platform")
        if ":" in host or _NUMBER.match(host.rpartition(".")[2]):
            self.check_address(_literal(host))
            return
        labels = host.split(".")
        if len(host) > _MAX_HOST or not all(_LABEL.match(label) for label in labels):
            raise _refused("has a host that is not a name")
        if not self.private and (len(labels) == 1 or labels[-1] in _LOCAL_NAMES):
            raise _refused("has a host that is not public")

    def check_address(self, address: Address) -> None:
        """Raises Rejected `endpoint_refused` where a webhook must not go to the address."""
        if self._is_forbidden(address) or not self._is_open(address):
            raise _refused("leads to an address that is not public")

    def _is_forbidden(self, address: Address) -> bool:
        if address.is_loopback:
            return any(map(_is_loopback, self.forbidden_hosts))
        return str(address) in self.forbidden_hosts

    def _is_open(self, address: Address) -> bool:
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
            return False  # a zone is a link of our own machine
        if any(address in network for network in _PRIVATE):
            return self.private
        if isinstance(address, ipaddress.IPv6Address) and address not in _ROUTED_IPV6:
            return False
        return not any(address in network for network in _SPECIAL)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _literal(host: str) -> Address:
    """An address in its usual spelling: decimal, hex, octal and short ones are refused."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise _refused("has an address that is not written in its usual form") from None


def _refused(why: str) -> Rejected:
    return Rejected("endpoint_refused", f"url {why}")
