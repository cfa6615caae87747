"""The guard: which URLs and addresses a webhook may go to, form by form."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Rejected
from shared.guard import Guard

_PLATFORM = "169.254.255.2"
_CLOSED = Guard()
_OPEN = Guard(private=True, forbidden_hosts=frozenset({_PLATFORM, "identity.platform.example"}))

# Every block of IANA's special-purpose registries, by an address in it, and what is special beside.
SPECIAL = {
    "this network": "0.0.0.0",
    "this network's end": "0.255.255.255",
    "shared address space": "100.64.0.1",
    "shared address space's end": "100.127.255.255",
    "link-local": "169.254.0.1",
    "metadata": "169.254.169.254",
    "protocol assignments": "192.0.0.1",
    "port control anycast": "192.0.0.9",
    "TURN anycast": "192.0.0.10",
    "NAT64 discovery": "192.0.0.170",
    "documentation 1": "192.0.2.1",
    "AS112": "192.31.196.1",
    "AMT": "192.52.193.1",
    "6to4 relay": "192.88.99.1",
    "AS112 delegation": "192.175.48.1",
    "benchmarks": "198.18.0.1",
    "benchmarks' end": "198.19.255.255",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "multicast": "224.0.0.1",
    "multicast's end": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "Azure's own": "168.63.129.16",
    "unspecified": "::",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-compatible, public": "::8.8.8.8",
    "IPv4-mapped": "::ffff:127.0.0.1",
    "IPv4-mapped, public": "::ffff:8.8.8.8",
    "IPv4-mapped, private": "::ffff:10.0.0.1",
    "IPv4-translated": "::ffff:0:10.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, public": "64:ff9b::808:808",
    "NAT64, local": "64:ff9b:1::1",
    "discard": "100::1",
    "dummy": "100:0:0:1::1",
    "Teredo": "2001::1",
    "IETF anycast": "2001:1::1",
    "IPv6 benchmarks": "2001:2::1",
    "IPv6 AMT": "2001:3::1",
    "IPv6 AS112": "2001:4:112::1",
    "ORCHID": "2001:10::1",
    "ORCHIDv2": "2001:20::1",
    "drone ids": "2001:30::1",
    "IPv6 documentation": "2001:db8::1",
    "6to4": "2002:7f00:1::1",
    "6to4, public": "2002:808:808::1",
    "IPv6 AS112 delegation": "2620:4f:8000::1",
    "IPv6 documentation, new": "3fff::1",
    "nobody's": "4000::1",
    "segment routing": "5f00::1",
    "IPv6 link-local": "fe80::1",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "a zone": "2606:4700:4700::1111%1",
}
# What private=True opens.
PRIVATE = {
    "loopback": "127.0.0.1",
    "loopback's end": "127.255.255.254",
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 172's end": "172.31.255.254",
    "private 192": "192.168.0.1",
    "IPv6 loopback": "::1",
    "unique local": "fd00::1",
}
# The neighbours of what is refused, and what anybody knows.
PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "168.63.129.15"),
    *("168.63.129.17", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255"),
    *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
    *("2606:4700:4700::1111", "2001:200::1", "2001:4860:4860::8888", "2a01:111::1", "2003::1"),
)
# One address, spelt so that a resolver understands it and a filter may not.
SPELLINGS = {
    "decimal": "2130706433",
    "decimal, public": "134744072",
    "hex": "0x7f000001",
    "hex, upper case": "0X7F000001",
    "hex by parts": "0x7f.0x0.0x0.0x1",
    "hex at the end": "127.0.0.0x1",
    "octal": "017700000001",
    "octal by parts": "0177.0.0.01",
    "leading zeros": "127.000.000.001",
    "public with leading zeros": "8.8.8.08",
    "short": "127.1",
    "three parts": "127.0.1",
    "one part": "0",
    "five parts": "127.0.0.0.1",
    "too large": "4294967297",
    "full-width digits": "１２７.0.0.1",
    "full-width dots": "127．0．0．1",
    "ideographic dots": "127。0。0。1",
    "circled digit": "①27.0.0.1",
    "Arabic digits": "١٢٧.٠.٠.١",
    "encoded digit": "127.0.0.%31",
    "encoded whole": "%31%32%37.0.0.1",
    "trailing dot": "127.0.0.1.",
    "public with a trailing dot": "8.8.8.8.",
    "soft hyphen": "127\u00ad.0.0.1",
}


def refused(guard: Guard, url: str) -> str:
    """Why the URL is refused, as the caller is told; '' where it is accepted."""
    try:
        guard.check_url(url)
    except Rejected as error:
        assert (error.code, error.status) == ("endpoint_refused", 400)
        assert error.detail.startswith("url ")
        return error.detail.removeprefix("url ")
    return ""


def in_url(host: str) -> str:
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def is_refused(guard: Guard, address: str) -> bool:
    try:
        guard.check_address(ipaddress.ip_address(address))
    except Rejected:
        return True
    return False


@pytest.mark.parametrize("address", [*SPECIAL.values(), *PRIVATE.values()])
def test_t15_an_address_that_is_not_public_is_refused_when_saved(address: str) -> None:
    assert refused(_CLOSED, f"https://{in_url(address)}/hook") == (
        "leads to an address that is not public"
    )


@pytest.mark.parametrize("address", [*SPECIAL.values(), *PRIVATE.values()])
def test_t15_an_address_that_is_not_public_is_refused_when_sent(address: str) -> None:
    assert is_refused(_CLOSED, address)


@pytest.mark.parametrize("host", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("guard", [_CLOSED, _OPEN], ids=["closed", "open"])
def test_t15_an_address_in_an_unusual_spelling_is_refused(guard: Guard, host: str) -> None:
    assert refused(guard, f"https://{host}/hook")
    with pytest.raises(Rejected):
        guard.check_host(host)


@pytest.mark.parametrize("address", PUBLIC)
def test_t15_a_public_address_is_accepted(address: str) -> None:
    assert refused(_CLOSED, f"https://{in_url(address)}/hook") == ""
    assert not is_refused(_CLOSED, address)


@given(st.ip_addresses())
def test_t15_what_python_calls_not_global_is_refused(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert address.is_global or is_refused(_CLOSED, str(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.customer.example",
        "https://hooks.customer.example/unseen?tenant=7&key=a%20b",
        "https://HOOKS.Customer.Example/",
        "HTTPS://hooks.customer.example/",
        "https://hooks.customer.example:443/",
        "https://hooks.customer.example:8443/",
        "https://xn--bcher-kva.example/",
        "https://under_score.customer.example/",
        "https://1.customer.example/",
        "https://127.0.0.1.customer.example/",  # a name like any other: its address decides
        "https://0x7f.customer.example/",
        "https://[2606:4700:4700::1111]:8443/",
        f"https://{'a' * 63}.customer.example/",
        "https://hooks.customer.example/@user:x",
        "https://hooks.customer.example/?next=http://127.0.0.1/",
    ],
)
def test_t15_a_good_url_is_accepted(url: str) -> None:
    assert refused(_CLOSED, url) == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.customer.example/", "must begin with https://"),
        ("ftp://hooks.customer.example/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("gopher://hooks.customer.example/_", "must begin with https://"),
        ("//hooks.customer.example/", "must begin with https://"),
        ("hooks.customer.example", "must begin with https://"),
        ("", "must begin with https://"),
        ("https:hooks.customer.example", "must have a host"),
        ("https:///hook", "must have a host"),
        ("https://:443/", "must have a host"),
        ("https://user@hooks.customer.example/", "no user name"),
        ("https://user:password@hooks.customer.example/", "no user name"),
        ("https://@hooks.customer.example/", "no user name"),
        ("https://hooks.customer.example@127.0.0.1/", "no user name"),
        ("https://127.0.0.1@hooks.customer.example/", "no user name"),
        ("https://hooks.customer.example#@127.0.0.1/", "no fragment"),
        ("https://hooks.customer.example/#", "no fragment"),
        ("https://hooks.customer.example:80/", "must use port"),
        ("https://hooks.customer.example:22/", "must use port"),
        ("https://hooks.customer.example:0/", "must use port"),
        ("https://hooks.customer.example:65536/", "is not a valid URL"),
        ("https://hooks.customer.example:-1/", "is not a valid URL"),
        ("https://hooks.customer.example:４４３/", "printable ASCII"),
        ("https://hooks.customer.example:443:443/", "is not a valid URL"),
        ("https://[::1", "is not a valid URL"),
        ("https://[::1]x/", "is not a valid URL"),
        ("https://[127.0.0.1]/", "is not a valid URL"),
        ("https://[v1.a]/", "is not a valid URL"),
        ("https://[2606:4700:4700::1111].customer.example/", "is not a valid URL"),
        ("https://hooks.customer.example\\@127.0.0.1/", "percent-encoded"),
        ("https://hooks.customer.example /", "percent-encoded"),
        (" https://hooks.customer.example/", "percent-encoded"),
        ("https://hooks.customer.example/a b", "percent-encoded"),
        ("https://hooks.customer.example/<script>", "percent-encoded"),
        ("https://hooks.customer.example\t/", "printable ASCII"),
        ("https://hooks.customer.example/\r\nX-Header: 1", "printable ASCII"),
        ("https://hooks.customer.example/\x00", "printable ASCII"),
        ("https://hooks.customer.example/ü", "printable ASCII"),
        ("https://bücher.example/", "printable ASCII"),
        ("https://ⓛocalhost/", "printable ASCII"),
        (f"https://hooks.customer.example/{'a' * 2000}", "at most 2000"),
        ("https://hooks.customer.example./", "is not a name"),
        ("https://hooks..example/", "is not a name"),
        ("https://.customer.example/", "is not a name"),
        ("https://-a.customer.example/", "is not a name"),
        ("https://a-.customer.example/", "is not a name"),
        ("https://a%2eb.customer.example/", "is not a name"),
        ("https://a;b.customer.example/", "is not a name"),
        (f"https://{'a' * 64}.customer.example/", "is not a name"),
        (f"https://{'a.' * 130}example/", "is not a name"),
        ("https://localhost/", "is not public"),
        ("https://localhost./", "is not a name"),
        ("https://LOCALHOST/", "is not public"),
        ("https://receiver/", "is not public"),
        ("https://hooks.localhost/", "is not public"),
        ("https://printer.local/", "is not public"),
        ("https://vm.internal/", "is not public"),
        ("https://router.home.arpa/", "is not public"),
    ],
)
def test_t15_a_bad_url_is_refused_and_told_why(url: str, why: str) -> None:
    assert why in refused(_CLOSED, url)


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
def test_t15_private_opens_loopback_and_private_ranges(address: str) -> None:
    assert refused(_OPEN, f"http://{in_url(address)}:9000/hook") == ""
    assert not is_refused(_OPEN, address)


@pytest.mark.parametrize("address", SPECIAL.values(), ids=SPECIAL)
def test_t15_private_opens_nothing_else(address: str) -> None:
    assert refused(_OPEN, f"http://{in_url(address)}:9000/hook")
    assert is_refused(_OPEN, address)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000/hook",
        "http://receiver:80/",
        "https://printer.local:1/",
        "http://hooks.customer.example/",
        "http://8.8.8.8:65535/",
    ],
)
def test_t15_private_opens_http_and_any_port(url: str) -> None:
    assert refused(_OPEN, url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:0/",
        "ftp://localhost/",
        "http://user@localhost/",
        "http://localhost/#",
        "http://local host/",
        "http://[fd00::1%25eth0]/",
    ],
)
def test_t15_private_forgives_no_bad_url(url: str) -> None:
    assert refused(_OPEN, url)


@pytest.mark.parametrize("guard", [_OPEN, Guard(forbidden_hosts=_OPEN.forbidden_hosts)])
@pytest.mark.parametrize(
    "host", ["identity.platform.example", "Identity.Platform.EXAMPLE", _PLATFORM]
)
def test_t15_a_host_of_the_platform_stays_refused(guard: Guard, host: str) -> None:
    assert refused(guard, f"https://{host}/") == "has a host of the platform"


def test_t15_a_host_alone_is_checked_like_a_urls() -> None:
    _OPEN.check_host("Hooks.Customer.EXAMPLE")
    for host in ("Identity.Platform.Example", "LOCALHOST", "[::1]", "a b", "", "fe80::1%eth0"):
        with pytest.raises(Rejected):
            Guard(forbidden_hosts=_OPEN.forbidden_hosts).check_host(host)


@pytest.mark.parametrize("forbidden", ["10.1.2.3", "fd00::5"])
def test_t15_an_address_of_the_platform_stays_refused(forbidden: str) -> None:
    guard = Guard(private=True, forbidden_hosts=frozenset({forbidden}))
    assert is_refused(guard, forbidden)
    assert refused(guard, "http://[fd00:0:0::5]/" if ":" in forbidden else "http://10.1.2.3/")
    assert not is_refused(guard, "10.1.2.4")


@pytest.mark.parametrize("forbidden", ["localhost", "127.0.0.1", "::1"])
def test_t15_a_platform_on_loopback_closes_all_names_of_loopback(forbidden: str) -> None:
    guard = Guard(private=True, forbidden_hosts=frozenset({forbidden}))
    assert all(is_refused(guard, address) for address in ("127.0.0.1", "127.0.0.2", "::1"))
    assert not is_refused(guard, "10.0.0.1")


def test_i6_a_refusal_does_not_repeat_the_url() -> None:
    for url in ("https://user:canary@a.example/", "https://canary/", "https://a.example:canary/"):
        assert "canary" not in refused(_CLOSED, url)
