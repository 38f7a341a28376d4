"""Values from the environment are shown nowhere; what text is full of stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.environment.redaction import Redaction

SECRET = "c4nary-7f3a9c!x"


def noted(**environment: str) -> Redaction:
    made = Redaction()
    made.note_environment(environment)
    return made


@pytest.mark.parametrize(
    "name",
    ["SLACK_BOT_TOKEN", "CINEMA_WEBHOOK_SECRET", "PGPASSWORD", "DB_PASSWORD", "GITHUB_TOKEN", "X_APIKEY"],
)
def test_a_variable_named_like_a_secret_is_one(name: str) -> None:
    hidden = noted(**{name: SECRET})
    assert hidden.data(f"it said {SECRET}.") == f"it said ${{{name}}}."
    assert SECRET not in hidden.prose(f"{SECRET!r} {json.dumps(SECRET)} {quote(SECRET, safe='')}")


@pytest.mark.parametrize(
    "value", ["p4ss/wo@rd:1", 'with"quotes"', "back\\slash1", "ümläut-passw0rd", "sp ace-1234"]
)
def test_a_secret_is_found_however_it_is_spelled(value: str) -> None:
    hidden = noted(DB_PASSWORD=value)
    address = f"postgresql://me:{quote(value, safe='')}@db/x"
    for text in (value, repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False), address):
        clean = hidden.data(f"before {text} after")
        assert value not in clean
        assert quote(value, safe="") not in clean
        assert clean.startswith("before ") and clean.endswith(" after")


def test_the_password_of_an_address_is_a_secret_by_itself_too() -> None:
    hidden = noted(WAREHOUSE_URL="postgresql://analyst:c4nary%2Fpw@warehouse.internal/db")
    assert hidden.data("password authentication failed: c4nary/pw") == "password authentication failed: ***"
    assert "c4nary" not in hidden.prose(
        'connection to "postgresql://analyst:c4nary%2Fpw@warehouse.internal/db"'
    )
    assert hidden.data("amqp://guest:guest@rabbit/") == "amqp://***@rabbit/"


def test_a_value_that_a_declaration_expanded_is_left_out_of_prose_and_left_in_data() -> None:
    made = Redaction()
    made.note_expanded("WAREHOUSE", "warehouse-7.internal/db")
    text = "no host warehouse-7.internal/db here"
    assert made.prose(text) == "no host ${WAREHOUSE} here"
    assert made.data(text) == text


@pytest.mark.parametrize("value", ["eu", "prod", "production", "us", "12", "2026", "tv", "main"])
def test_words_and_short_values_mangle_no_text(value: str) -> None:
    made = Redaction()
    made.note_expanded("REGION", value)
    made.note_environment({"CACHE_KEY": value, "REGION": value})
    text = f"neutral producers in {value} ({value}), 120 of 2026-03, country = {value}, main's domain"
    assert made.prose(text) == text
    assert made.data(text) == text


def test_part_of_a_longer_name_is_not_what_was_expanded() -> None:
    made = Redaction()
    made.note_expanded("BUCKET", "films-1")
    assert made.prose("films-10 and re-films-1 and films-1.") == "films-10 and re-films-1 and ${BUCKET}."


@pytest.mark.parametrize("word", ["postgres", "guest", "x1", "secret", "password"])
def test_a_password_that_text_is_full_of_is_hidden_in_its_place_only(word: str) -> None:
    hidden = noted(DATABASE_URL=f"postgresql://{word}:{word}@db/x", DB_PASSWORD=word)
    assert (
        hidden.data(f"the {word} of postgresql://{word}:{word}@db/x")
        == f"the {word} of postgresql://***@db/x"
    )
    assert hidden.prose(f"host=db password={word} dbname=x") == "host=db password=*** dbname=x"


def test_what_stands_beside_a_name_of_secrets_is_hidden_unheard_of() -> None:
    clean = noted().prose(
        """Authorization: Bearer abc.def, {"password": "never heard"}, token='x y', api_key=1234"""
    )
    assert not any(one in clean for one in ("abc.def", "never heard", "x y", "1234"))
    plain = "deployers.hooks.secret: unknown key; did you mean secret_env? Set token: see README."
    assert noted().prose(plain) == plain


@given(st.text(max_size=200))
def test_a_text_without_anything_of_it_stays_as_it_is(text: str) -> None:
    hidden = noted(DB_PASSWORD=SECRET)
    if SECRET not in text and "://" not in text:
        assert hidden.data(text) == text


SECRETS = st.from_regex(r'c4[a-z0-9"\\é%/ ]{8,20}x9', fullmatch=True)


@given(SECRETS, st.text(max_size=50), st.text(max_size=50))
def test_json_stays_json_and_holds_no_secret(secret: str, before: str, after: str) -> None:
    hidden = noted(DB_PASSWORD=secret)
    for plain in (True, False):
        written = json.dumps([before, secret, after], ensure_ascii=plain)
        read = json.loads(hidden.data(written))
        assert read[1] == "${DB_PASSWORD}"
        assert len(read) == 3


def test_a_key_file_is_no_secret_and_a_key_is(tmp_path: Path) -> None:
    named = noted(
        RECSYSOPS_SIGNING_KEY=str(tmp_path / "k1.pem"), AWS_KEY="AKIA1234567890ABCDEF", PRIMARY_KEY="item_id"
    )
    text = f"{tmp_path / 'k1.pem'} by item_id with AKIA1234567890ABCDEF"
    assert named.data(text) == text.replace("AKIA1234567890ABCDEF", "${AWS_KEY}")
