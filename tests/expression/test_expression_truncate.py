"""`truncate`, as Zigbee2MQTT's templates use it."""

from __future__ import annotations

import pytest

from setaria.expression import Fixed, Template


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ 'foo bar baz qux' | truncate(9) }}", "foo..."),
        ("{{ 'foo bar baz qux' | truncate(9, True) }}", "foo ba..."),
        ("{{ 'foo bar baz qux' | truncate(11) }}", "foo bar baz qux"),
        ("{{ 'foo bar baz qux' | truncate(11, False, '...', 0) }}", "foo bar..."),
        ("{{ 'abcdef' | truncate(3, True, '', 0) }}", "abc"),
    ],
)
def test_truncate_is_as_in_jinja(source: str, made: str) -> None:
    assert Template.parse(source).evaluate(Fixed({})) == made
