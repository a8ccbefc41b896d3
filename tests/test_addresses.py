"""Spellings of addresses that may not be reached, and of those that may."""

import ipaddress

import pytest

from app.addresses import AddressRefused, allowed_places, judge, parse, refusal
from app.http import AddressRefused as TheSame
from app.http import check_address

REFUSED_NUMBERS = """
0.0.0.0 0.1.2.3 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3
127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8
192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 1::1 200::1 400::1 1000::1 2001::1 2001:0:7f00:1:: 2001:2::1
2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:db8::1 2001:db8:ffff::1 2002:7f00:1:: 2002:808:808::
2004::1 2003:4000::1 2200::1 2420::1 2500::1 2640::1 2700::1 2900::1 2a20::1 2b00::1 2c10::1 2d00::1 3000::1 3ffe::1
3fff::1 3fff:fff::1 4000::1 5f00::1 6000::1 8000::1 a000::1 c000::1 e000::1 f000::1 fc00::1 fd00:ec2::254 fd12::1
fe00::1 fe80::1 febf::1 fec0::1 feff::1 ff00::1 ff02::1 ff0e::1
"""
OPEN_NUMBERS = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15
169.253.1.1 172.15.1.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255 2001:4860:4860::8888 2001:200::1 2003::1
2400:cb00::1 2600::1 2606:4700::1111 2610:10::1 2620:fe::fe 2a00:1450::1 2a0a::1 2c0f:f248::1
"""
REFUSED_SPELLINGS = """
http://127.1/ http://127.0.1/ http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0177.0.0.1/ http://017700000001/
http://127.0.0.01/ http://0300.0250.0.1/ http://0xa9.0xfe.0xa9.0xfe/ http://127.0.0.1.5/ http://256.1.1.1/ http://1/
http://a.0x7f/ http://example.1/ http://127.0.0.1./ http://0/ http://0x/ http://[::1]/ http://[::ffff:127.0.0.1]/
http://[0:0:0:0:0:ffff:7f00:1]/ http://[::]/ http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/ http://[::1/ http://::1/
http://[1]/ http://[]/ http://[127.0.0.1]/ http://localhost/ http://LOCALHOST/ http://localhost./ http://a.localhost/
http://a@example.com/ http://a:b@example.com/ http://example.com@127.0.0.1/ http://example.com:80@127.0.0.1/
http://example.com\\@127.0.0.1/ http://127.0.0.1\\.example.com/ http:\\\\example.com/ http://example.com\\a
http://example.com/#a http://example.com#@127.0.0.1/ http://%31%32%37.0.0.1/ http://example%2ecom/ http://exam_ple!.com/
http://exa$mple.com/ http://example.com:/ http://example.com:0/ http://example.com:65536/ http://example.com:99999/
http://example.com:-1/ http://example.com:+80/ http://example.com:80a/ http://example.com:http/ http://example..com/
http://.example.com/ http://example.com../ http://-a.com/ http://a-.com/ http:///etc/passwd http:/example.com/
http:example.com //example.com/ example.com /hook https:// http:// ftp://example.com/ file:///etc/passwd
gopher://example.com/ javascript:alert(1) data:text/html,a unix:///tmp/a ws://example.com/ httpss://example.com/
http://example.com:22/ http://example.com:6379/ https://example.com:8443/ http://[2001:db8::1]/ http://[v1.a]/
"""
ODD_CHARACTERS = [
    "",
    " ",
    "http://exa mple.com/",
    " http://example.com/",
    "http://example.com/ ",
    "http://\t127.0.0.1/",
    "ht\ntp://example.com/",
    "http://example.com/\r\nX: 1",
    "http://example.com/\x00",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://127.0.0.1/",
    "http://ｌocalhost/",
    "http://exämple.com/",
    "http://example.com/ä",
    "http://example.com/" + "a" * 2_000,
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 130 + "com/",
]
OPEN_SPELLINGS = """
http://8.8.8.8 http://8.8.8.8/ https://8.8.8.8/a?b=c&d=%20 HTTPS://8.8.8.8/ http://8.8.8.8:443/ http://8.8.8.8?a=1
http://[2606:4700::1111]/ https://[2606:4700::1111]:443/a http://8.8.8.8/a@b http://8.8.8.8/%7e~!$&'()*+,;=:
"""


@pytest.mark.parametrize("number", REFUSED_NUMBERS.split())
def test_a_number_of_an_inner_network_is_refused(number: str) -> None:
    assert refusal(ipaddress.ip_address(number))


@pytest.mark.parametrize("number", OPEN_NUMBERS.split())
def test_a_number_of_the_internet_is_open(number: str) -> None:
    assert refusal(ipaddress.ip_address(number)) is None


@pytest.mark.parametrize("url", REFUSED_SPELLINGS.split() + ODD_CHARACTERS)
def test_a_spelling_with_two_meanings_or_an_inner_one_is_refused(url: str) -> None:
    def reach() -> None:
        place = parse(url)
        judge(place, [place.literal or ipaddress.ip_address("8.8.8.8")], allowed_places(()))

    with pytest.raises(AddressRefused) as refused:
        reach()
    assert str(refused.value)[0].isupper()
    assert not str(refused.value).endswith(".")


@pytest.mark.parametrize("url", OPEN_SPELLINGS.split())
def test_a_plain_address_is_open(url: str) -> None:
    check_address(url)


def test_a_place_keeps_what_is_sent() -> None:
    place = parse("HTTPS://Example.COM.:443?a=B")
    assert (place.host, place.port, place.path) == ("example.com", 443, "/?a=B")
    assert place.host_header == "example.com"
    assert parse("http://[2606:4700::1111]:443/").host_header == "[2606:4700::1111]:443"


def test_a_bad_entry_of_the_allowed_places_is_named() -> None:
    assert allowed_places((" Hooks.Example ", "10.0.0.1/8", "::1", "[::1]")).hosts == {"hooks.example"}
    for bad in ("10.0.0.0/99", "a b", "127.1", "http://a", ""):
        with pytest.raises(ValueError, match="neither a host nor a network"):
            allowed_places((bad,))


def test_the_door_names_its_refusal() -> None:
    assert TheSame is AddressRefused
