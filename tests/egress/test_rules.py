from __future__ import annotations

from ipaddress import ip_address

import pytest

from fairlead.egress import Rules, read_rules
from fairlead.errors import ConfigurationError


def may(rules: Rules, host: str, address: str) -> bool:
    return rules.objection(host, ip_address(address)) is None


def test_nothing_private_may_be_called_unless_it_is_allowed() -> None:
    assert may(Rules(), "example.com", "1.1.1.1")
    assert not may(Rules(), "example.com", "10.0.0.1")


def test_an_allowed_network_may_be_called_by_any_name_and_in_every_spelling() -> None:
    rules = read_rules(["10.1.0.0/16", "fd12::/16"])
    assert may(rules, "a", "10.1.2.3") and may(rules, "b", "::ffff:10.1.2.3") and may(rules, "c", "fd12::9")
    assert not may(rules, "a", "10.2.0.1")


def test_an_allowed_host_may_stand_on_a_private_network_only() -> None:
    rules = read_rules(["hooks.internal", "*.corp.example"])
    assert may(rules, "Hooks.Internal.", "192.168.0.1")
    assert may(rules, "a.b.corp.example", "10.0.0.1")
    assert not may(rules, "corp.example", "10.0.0.1")
    assert not may(rules, "evilhooks.internal", "10.0.0.1")
    assert not may(rules, "hooks.internal", "169.254.169.254")


def test_the_metadata_service_must_be_named_as_an_address() -> None:
    assert may(read_rules(["169.254.169.254"]), "169.254.169.254", "169.254.169.254")


@pytest.mark.parametrize("item", ["http://a.example", "a b", "*", "*.", "10.0.0.0/99", "", "-a.example"])
def test_what_is_neither_network_nor_host_is_refused(item: str) -> None:
    with pytest.raises(ConfigurationError, match="FAIRLEAD_EGRESS_ALLOW"):
        read_rules([item])
