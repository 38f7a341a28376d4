"""
The shape of Slack's requests: everything that Bolt and the listeners read of them.

Only what is declared here is passed on. What nobody reads, nobody can fall over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Body = Mapping[str, Any]
Id = Annotated[str, Field(min_length=1, max_length=255)]
WayBack = Annotated[str, Field(pattern=r"^https?://[^\s/]+/\S*$")]


class Malformed(Exception):
    """Something Slack would never send; the message is worded for the sender."""


class Part(BaseModel):
    """Something inside a request; its types are taken literally."""

    model_config = ConfigDict(strict=True, frozen=True)


class Named(Part):
    """A person, a team or an organisation."""

    id: Id
    team_id: Id | None = None


class Authorization(Part):
    """Whose installation an event is for."""

    team_id: Id | None = None
    enterprise_id: Id | None = None


class Request(Part):
    """What any request may say about where it comes from, and the way back."""

    team: Named | None = None
    team_id: Id | None = None
    enterprise: Named | None = None
    enterprise_id: Id | None = None
    is_enterprise_install: bool | str | None = None


class Chosen(Part):
    """An option of a list."""

    value: str


class Pressed(Part):
    """A button, or an entry of a menu."""

    action_id: str
    value: str = ""
    selected_option: Chosen | None = None


class Press(Request):
    """Somebody pressed something in a message."""

    type: Literal["block_actions"]
    user: Named
    trigger_id: Id
    response_url: WayBack
    actions: list[Pressed] = Field(min_length=1)


class Entered(Part):
    """What one input of a form holds."""

    value: str | None = None
    selected_option: Chosen | None = None
    selected_user: str | None = None


class Inputs(Part):
    """All inputs of a form, by block and action."""

    values: dict[str, dict[str, Entered]] = Field(min_length=1)


class View(Part):
    """A form."""

    type: Literal["modal"]
    callback_id: str
    private_metadata: str
    state: Inputs
    team_id: Id | None = None
    app_installed_team_id: Id | None = None


class Submission(Request):
    """Somebody submitted a form."""

    type: Literal["view_submission"]
    user: Named
    trigger_id: Id
    view: View


class SlashCommand(Request):
    """Somebody typed a command."""

    command: Literal["/recsysops"]
    text: str = ""
    user_id: Id
    channel_id: Id
    trigger_id: Id
    response_url: WayBack


class Event(Part):
    """What happened: somebody opened the App Home, or a user group changed."""

    type: str
    user: Id | None = None
    tab: str = "home"
    subteam_id: str | None = None
    removed_users: list[str] | None = None

    @model_validator(mode="after")
    def _somebody_looks(self) -> Event:
        if self.type == "app_home_opened" and self.user is None:
            raise ValueError("names no user")
        return self


class Happened(Request):
    """Slack reports an event."""

    type: Literal["event_callback"]
    authorizations: list[Authorization] | None = None
    event: Event


class Verification(Part):
    """Slack asks whether this address is the app's."""

    type: Literal["url_verification"]
    challenge: str


class CertificateCheck(Part):
    """Slack asks whether this address has a certificate."""

    ssl_check: Literal["1"]


KINDS: Mapping[str, type[Part]] = {
    "block_actions": Press,
    "view_submission": Submission,
    "event_callback": Happened,
    "url_verification": Verification,
}


def shaped(body: object) -> Body:
    """
    What is read of a request.

    Raises:
        Malformed: it lacks something, or something in it is of another type than Slack's.

    >>> shaped({"ssl_check": "1", "token": "x"})
    {'ssl_check': '1'}
    """
    if not isinstance(body, Mapping):
        raise Malformed("The request is no JSON object.")
    try:
        return _kind(body).model_validate(body).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Malformed(f"This is not as Slack sends it: {place}: {first['msg']}.") from None


def _kind(body: Body) -> type[Part]:
    if "ssl_check" in body:
        return CertificateCheck
    if "command" in body:
        return SlashCommand
    found = KINDS.get(str(body.get("type")))
    if found is None:
        raise Malformed("This app asks Slack for no request of this type, or the body names no type.")
    return found
