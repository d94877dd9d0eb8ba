from __future__ import annotations

from ipaddress import ip_address

import pytest

from fairlead.egress.address import Kind, place_of


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "93.184.215.14", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "2606:4700::1111",
     "::ffff:8.8.8.8", "64:ff9b::808:808", "2001:4860:4860::8888"],
)  # fmt: skip
def test_public_addresses_are_public_also_through_nat64(text: str) -> None:
    assert place_of(ip_address(text)).kind is Kind.PUBLIC


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1",
             "64:ff9b::a00:1"],
)  # fmt: skip
def test_somebodys_own_network_is_private(text: str) -> None:
    assert place_of(ip_address(text)).kind is Kind.PRIVATE


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255",
     "198.18.0.1", "203.0.113.9", "::", "fd00:ec2::254", "fe80::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1",
     "2002:808:808::1", "64:ff9b:1::1", "::127.0.0.1", "2606:4700::5efe:a00:1", "4000::1", "::ffff:169.254.169.254"],
)  # fmt: skip
def test_what_no_caller_may_name_is_special(text: str) -> None:
    assert place_of(ip_address(text)).kind is Kind.SPECIAL
