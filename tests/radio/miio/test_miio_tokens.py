from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.radio.miio.tokens import ENTRY_LIMIT, TEXT_LIMIT, TokenEntry, read_token_list

TOKEN = "00112233445566778899aAbBcCdDeEfF"
LAMP = TokenEntry("123", bytes.fromhex(TOKEN), "a.b.c", "灯", "10.0.0.7", "AA:BB")

JSON_LIST = json.dumps(
    [{"did": 123, "token": TOKEN, "model": "a.b.c", "name": "灯", "localip": "10.0.0.7", "mac": "AA:BB", "rssi": -5}]
)
CSV = f"Name,Device ID,Token,Model,IP,MAC\n灯,123,{TOKEN},a.b.c,10.0.0.7,AA:BB\n"
BLOCKS = f"""Devices found for server "cn" @ home "1":
   ---------
   NAME:     灯
   ID:       123
   MAC:      AA:BB
   IP:       10.0.0.7
   TOKEN:    {TOKEN}
   MODEL:    a.b.c
   ---------
   NAME:     Thermometer
   ID:       blt.3.1abcdef
   BLE KEY:  {TOKEN}
   TOKEN:    {TOKEN[:24]}
   MODEL:    x.y.z
   ---------

Press ENTER to finish
"""


@pytest.mark.parametrize(
    "text",
    [
        JSON_LIST,
        "\ufeff" + JSON_LIST,
        json.dumps({"result": {"list": json.loads(JSON_LIST)}}),
        json.dumps({"devices": json.loads(JSON_LIST)}),
        CSV,
        CSV.replace(",", ";"),
        CSV.replace(",", "\t"),
        BLOCKS,
        BLOCKS.replace("   NAME", "\x1b[34m   NAME").replace("\n", "\r\n"),
    ],
)
def test_each_form_is_read(text: str) -> None:
    assert read_token_list(text) == [LAMP]


def test_a_map_of_tokens_is_read() -> None:
    found = read_token_list(json.dumps({"123": TOKEN, "124": TOKEN.lower()}))
    assert found == [TokenEntry(did, bytes.fromhex(TOKEN)) for did in ("123", "124")]


def test_blocks_without_separators_end_where_a_field_comes_again() -> None:
    text = f"ID: 1\nTOKEN: {TOKEN}\nID: 2\nTOKEN: {TOKEN}"
    assert [entry.did for entry in read_token_list(text)] == ["1", "2"]


def test_the_last_of_equal_ids_counts() -> None:
    text = json.dumps([{"did": "1", "token": "0" * 32}, {"did": "1", "token": "1" * 32}])
    assert read_token_list(text) == [TokenEntry("1", bytes.fromhex("1" * 32))]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", Refused("token_list_empty")),
        ("hello\nworld", Refused("token_list_empty")),
        ("[]", Refused("token_list_empty")),
        ("{", Refused("token_list_unreadable")),
        ("[" * 3000, Refused("token_list_unreadable")),
        ("[1]", Refused("token_list_line", line=1, field="did")),
        (
            f'[{{"did":"1","token":"{TOKEN}"}},{{"did":"x","token":""}}]',
            Refused("token_list_line", line=2, field="did"),
        ),
        ('{"1": "0011"}', Refused("token_list_line", line=1, field="token")),
        ('{"1": null}', Refused("token_list_line", line=1, field="token")),
        (f"did,token\n1,{TOKEN}\n\n2,zz\n", Refused("token_list_line", line=4, field="token")),
        (f"did,token\n99999999999999999999,{TOKEN}\n", Refused("token_list_line", line=2, field="did")),
        (f"NAME: x\n\nNAME: y\nID: 1\nTOKEN: {TOKEN[:-1]}", Refused("token_list_line", line=1, field="token")),
        (" " * (TEXT_LIMIT + 1), Refused("token_list_too_long", limit=TEXT_LIMIT)),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, refused: Refused) -> None:
    with pytest.raises(Refused) as caught:
        read_token_list(text)
    assert caught.value == refused


def test_the_number_of_devices_is_bounded() -> None:
    text = json.dumps({str(did): TOKEN for did in range(ENTRY_LIMIT)})
    assert len(read_token_list(text)) == ENTRY_LIMIT
    with pytest.raises(Refused, match="token_list_too_long"):
        read_token_list(json.dumps({str(did): TOKEN for did in range(ENTRY_LIMIT + 1)}))


def test_a_token_is_not_printed() -> None:
    assert TOKEN.lower() not in repr(LAMP).lower()
    assert str(LAMP.token) not in repr([LAMP])


@given(st.text(max_size=300) | st.text('{}[]",:;\n\tdidtoken0123abc ', max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_token_list(text)
    except Refused as refused:
        assert refused.code.startswith("token_list_")  # noqa: PT017  either way is fine
