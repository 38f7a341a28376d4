"""Which log is meant, and how it is made: as declared, with overrides from the command."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from domain.errors import ConfigurationError
from domain.recommender.keys.nearest import nearest
from domain.recommender.model import Logging, Model
from domain.recommender.recommender import Recommender


def log_meant(recommender: Recommender, name: str | None) -> Model:
    """
    The model of this name, or the first whose candidates are logged.

    Raises:
        ConfigurationError: there is none, or it names no candidates or no request.
    """
    models = recommender.models
    if name is not None and name not in models:
        raise ConfigurationError(f'model "{name}" is not declared; {nearest(name, models)}')
    found = models[name] if name else next((one for one in models.values() if one.candidates), None)
    if found is None or not (found.candidates and found.request):
        raise ConfigurationError(
            "no log of candidates is declared; add candidates and request to one of [models.NAME]"
        )
    return found


def logging_meant(recommender: Recommender, model: Model, asked: Mapping[str, object]) -> Logging:
    """
    How requests get into the model's log: what `asked` sets (is not None), otherwise what is declared.

    Raises:
        ConfigurationError: no dimension is named, a value is impossible, or a table is not declared.
    """
    declared = model.logging.model_dump(exclude_unset=True) if model.logging else {}
    given = {**declared, **{key: value for key, value in asked.items() if value is not None}}
    if "dimensions" not in given:
        raise ConfigurationError(
            f"models.{model.name}.logging: names no dimensions; declare them, or say --dimension country"
        )
    try:
        logging = Logging.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        key, says = wrong["loc"][0] if wrong["loc"] else "logging", wrong["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"models.{model.name}.logging.{key}: {says}") from None
    if logging.requests is not None and logging.requests not in recommender.tables:
        raise ConfigurationError(
            f'table "{logging.requests}" is not declared; {nearest(logging.requests, recommender.tables)}'
        )
    return logging
