"""Requests of a browser as plain values, cookies, forms, and where a browser may be sent."""

import pytest

from shared import web

_ORIGIN = "https://unseen.example.com"
_ALLOWED = ("https://app.example.com", "http://localhost:3000", "https://b.example.com:8443")
_FORM = {"content-type": "application/x-www-form-urlencoded"}


def request(
    url: str = "/api/login", body: bytes = b"", headers: dict[str, str] | None = None
) -> web.Request:
    return web.request(f"{_ORIGIN}{url}", body, (headers or {}).items())


# What is sent


def test_query_and_form_are_read_apart() -> None:
    found = request("/api/callback?code=a%20b&empty=", b"token=x%2By", _FORM)
    assert found.query == {"code": "a b", "empty": ""}
    assert found.form == {"token": "x+y"}


def test_a_field_that_comes_twice_says_nothing() -> None:
    found = request("/api/callback?state=a&code=c&state=b", b"token=a&token=a", _FORM)
    assert found.query == {"state": "", "code": "c"}
    assert found.form == {"token": ""}


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_t1_a_body_of_another_kind_is_no_form(kind: str) -> None:
    assert request("/", b"token=x", {"Content-Type": kind}).form == {}


def test_a_forms_kind_may_name_a_charset() -> None:
    kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
    assert request("/", b"token=x", {"Content-Type": kind}).form == {"token": "x"}


def test_more_fields_than_any_form_of_ours_has_are_not_read() -> None:
    assert request("/?" + "&".join(f"f{number}=1" for number in range(60))).query == {}


def test_a_form_that_is_too_large_is_not_read() -> None:
    assert request("/", b"token=" + b"x" * 17_000, _FORM).form == {}


@pytest.mark.parametrize("body", [b"token=\xff\x00", b"token=%ff%fe", b"%", b"=&=&;", b"\x00" * 99])
def test_junk_in_a_form_is_no_fault(body: bytes) -> None:
    assert "\udcff" not in request("/", body, _FORM).form.get("token", "")


def test_names_of_headers_have_no_case() -> None:
    assert request(headers={"Sec-Fetch-Site": "none"}).headers["sec-fetch-site"] == "none"


@pytest.mark.parametrize(
    "header",
    [
        "login_form=ours",
        "a=b; login_form=ours; c=d",
        "bad[name]=1; login_form=ours",
        'json={"a": [1, 2]}; login_form=ours; x=\x00',
        "=; login_form=ours;;; ;",
    ],
)
def test_a_neighbours_odd_cookie_does_not_hide_ours(header: str) -> None:
    assert request(headers={"Cookie": header}).cookies["login_form"] == "ours"


# Cookies and forms


@pytest.mark.parametrize("secure", [True, False])
def test_our_cookies_are_for_our_pages_and_no_script(secure: bool) -> None:
    found = web.cookie("login_form", "v", same_site="Strict", seconds=3600, secure=secure)
    flags = "login_form=v; Max-Age=3600; Path=/api; HttpOnly; SameSite=Strict"
    assert found == flags + ("; Secure" if secure else "")


def sent(token: str = "", cookie: str = "held", **headers: str) -> web.Request:
    form = {"token": token or web.form_token("held")}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Request({}, form, named, {"login_form": cookie})


def own(form: web.Request) -> bool:
    return web.is_own_form(form, "login_form", _ORIGIN)


def test_a_form_of_ours_comes_with_cookie_and_token() -> None:
    assert own(sent())
    assert own(sent(origin=_ORIGIN, sec_fetch_site="same-origin"))
    assert own(sent(sec_fetch_site="none"))


@pytest.mark.parametrize(
    "form",
    [
        sent(cookie=""),
        sent(cookie="another"),
        sent(token="another"),
        sent(token="held"),
        sent(token="t\u00f6ken"),
        sent(origin="https://evil.example"),
        sent(origin="null"),
        sent(origin=f"{_ORIGIN}.evil.example"),
        sent(origin="http://unseen.example.com"),
        sent(sec_fetch_site="cross-site"),
        sent(sec_fetch_site="same-site"),
    ],
)
def test_t1_any_other_form_is_not_ours(form: web.Request) -> None:
    assert not own(form)


def test_two_empty_cookies_do_not_agree() -> None:
    assert not own(web.Request({}, {"token": web.form_token("")}, {}, {"login_form": ""}))
    assert not web.same("", "")


def test_t34_a_forms_token_does_not_tell_the_cookie() -> None:
    assert "held" not in web.form_token("held")


# Where a browser may be sent


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/done?customer=7#top",
        "HTTPS://APP.example.com/Done",
        "http://localhost:3000/done",
        "https://b.example.com:8443/",
        "https://app.example.com?next=https%3A%2F%2Fevil.example",
    ],
)
def test_t7_a_url_of_an_allowed_origin_is_allowed(url: str) -> None:
    assert web.allowed_return(url, _ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/", "//app.example.com", "app.example.com", "https:app.example.com", "https:///x"),
        *("http://app.example.com/", "https://app.example.com:8443/", "https://b.example.com/"),
        *("http://localhost/", "http://localhost:3001/", "https://localhost:3000/"),
        *("https://app.example.com.evil.example/", "https://evil.example/?https://app.example.com"),
        *("https://app.example.com@evil.example/", "https://evil.example@app.example.com/"),
        *("https://app.example.com:443@evil.example/", "https://app.example.com%40evil.example/"),
        *("https://app.example.com\\@evil.example/", "https://evil.example\\@app.example.com/"),
        *("https:/\\app.example.com/", "https:\\\\app.example.com/", "\thttps://app.example.com/"),
        *("https://app.example.com\t.evil.example/", "https://app.example.com\r\nSet-Cookie:a=b"),
        *("https://app.example.com\u3002evil.example/", "https://app\uff0eexample.com/"),
        *(
            "https://app.example.com:/",
            "https://app.example.com:0443/",
            "https://app.example.com./",
        ),
        *(
            "https://app.example.com:x/",
            "https://app.example.com:99999/",
            "https://[app.example.com",
        ),
        *("javascript:alert(1)//app.example.com", "data:text/html,https://app.example.com"),
        *("https://app.example.com/\r\nSet-Cookie:a=b", "https://app.example.com/\x00"),
        *("https://app.example.com/\\evil.example", "https://app.example.com/ü"),
        *('https://app.example.com/"><script>', "https://app.example.com/a b"),
        "https://app.example.com/" + "x" * 2000,
    ],
)
def test_t7_any_other_url_is_refused(url: str) -> None:
    assert not web.allowed_return(url, _ALLOWED)


def test_t7_no_known_payload_leaves_the_allowed_origins(open_redirects: list[str]) -> None:
    for payload in open_redirects:
        assert not web.allowed_return(payload, _ALLOWED), payload
        joined = f"https://app.example.com{payload}"
        if web.allowed_return(joined, _ALLOWED):
            assert stays_there(joined), joined
            assert stays_there(web.with_query(joined, status="connected")), joined


def stays_there(url: str) -> bool:
    """Whether the host ends where the allowed origin does, as every browser reads it."""
    rest = url.removeprefix("https://app.example.com")
    return not rest or (rest[0] in "/?#" and "\\" not in rest)


@pytest.mark.parametrize(
    ("url", "origin"), [("https://a.example:8443/x?y#z", "https://a.example:8443"), ("", "")]
)
def test_a_return_urls_origin_is_all_before_its_path(url: str, origin: str) -> None:
    assert web.origin(url) == origin


def test_what_is_added_to_a_url_leaves_its_own_query() -> None:
    found = web.with_query(
        "https://app.example.com/done?a=1#top", status="connected", reference="é"
    )
    assert found == "https://app.example.com/done?a=1&status=connected&reference=%C3%A9"


def test_what_is_added_to_a_url_is_encoded() -> None:
    found = web.with_query("https://app.example.com/", reference="&x=1\r\n#<")
    assert found == "https://app.example.com/?reference=%26x%3D1%0D%0A%23%3C"
