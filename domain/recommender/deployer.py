"""Where a hotfix is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import model_validator

from domain.recommender.duration import Duration
from domain.values import Value


class Deployer(Value):
    """
    Where a hotfix goes: a signed webhook, or a file that the recommender reads. The secret stays in
    `secret_env`.
    """

    name: str
    kind: Literal["webhook", "file"]
    path: str | None = None
    url: str | None = None
    secret_env: str | None = None
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.kind == "file" and not self.path:
            raise ValueError('kind "file" needs path: the file that the recommender reads')
        if self.kind == "webhook" and not (self.url and self.secret_env):
            raise ValueError(
                'kind "webhook" needs url and secret_env (the NAME of the variable with the secret)'
            )
        return self
