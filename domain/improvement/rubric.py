"""
The ML Test Score: 28 tests of a machine-learned system in production, seven in each of four sections.

Source:
    Breck, Cai, Nielsen, Salib & Sculley (2017), The ML Test Score: A Rubric for ML Production Readiness and
    Technical Debt Reduction, IEEE International Conference on Big Data. The tests are theirs, in their order;
    the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.answer import Criterion, Section
from domain.errors import Refused
from domain.recommender.keys.evidences import known_test
from domain.values import How

SECTIONS: Mapping[Section, str] = {
    "data": "Features and data",
    "model": "Model development",
    "infra": "Infrastructure",
    "monitor": "Monitoring",
}
POINTS: Mapping[How, float] = {"manual": 0.5, "automatic": 1.0}
"""
Half a point for what people do now and then, with the result written down for all; a whole one for what runs
by itself, again and again.
"""


def _section(section: Section, *tests: tuple[str, str]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(id=f"{section}-{number}", section=section, name=name, asks=asks)
        for number, (name, asks) in enumerate(tests, start=1)
    )


RUBRIC: tuple[Criterion, ...] = (
    *_section(
        "data",
        (
            "Schema of the features",
            "What each feature may hold is written down, and data are held against it.",
        ),
        ("Worth of each feature", "Every feature earns its place: without it the model is measurably worse."),
        (
            "Price of each feature",
            "What a feature costs in time, memory and upkeep is known, and worth paying.",
        ),
        ("Features that are allowed", "No feature comes from a source that the house has ruled out."),
        ("Privacy", "Who may see members’ data is controlled from the source to the trained model."),
        ("Speed of a new feature", "From the idea to production a new feature takes days, not quarters."),
        ("Tested feature code", "The code that makes features has tests, for training as for serving."),
    ),
    *_section(
        "model",
        ("Reviewed models", "What specifies a model is reviewed and kept under version control."),
        ("Offline speaks for online", "Where the offline metric moves, what members do moves with it."),
        ("Tuned hyperparameters", "Hyperparameters were searched for, not left as somebody first set them."),
        ("Price of staleness", "How much worse a model serves with each day of age was measured."),
        ("Simpler baseline", "A simpler model was tried, and loses by more than its simplicity is worth."),
        ("Quality by slice", "The model is good enough in every slice that matters, not only on average."),
        ("Fairness", "Whether groups of people are served worse for who they are was looked into."),
    ),
    *_section(
        "infra",
        ("Reproducible training", "Trained twice on the same data, the model comes out the same."),
        ("Tested model code", "The code that specifies the model has unit tests."),
        ("Tested pipeline", "One test runs the whole way, from raw data to an answer that is served."),
        ("Gate before serving", "A new model is measured before it serves, and kept back where it is worse."),
        ("Traceable predictions", "One example can be followed through the model, step by step."),
        ("Canary", "A new model meets a little of the traffic before it meets all of it."),
        ("Rollback", "A bad model gives way to the one before it, quickly and safely."),
    ),
    *_section(
        "monitor",
        ("Upstream changes told", "When something that the model is made from changes, somebody is told."),
        ("Invariants of the data", "What has to hold for the data is watched, in training and in serving."),
        (
            "Training as serving",
            "A feature has the same value when it is served as when it was learned from.",
        ),
        ("Age of the model", "A model that serves for longer than it should is noticed."),
        ("Numerical health", "Missing numbers, infinities and numbers that run away are noticed."),
        (
            "Speed and memory",
            "Training time, latency, throughput and memory are watched for jumps and leaks.",
        ),
        ("Quality of what is served", "How good the predictions are that members get is watched."),
    ),
)
BY_ID: Mapping[str, Criterion] = {one.id: one for one in RUBRIC}
READINGS: tuple[tuple[float, str], ...] = (
    (0.0, "nothing in the weakest section is shown to be tested"),
    (1.0, "there may be serious holes"),
    (2.0, "a first pass at production"),
    (3.0, "tested within reason; more of it could run by itself"),
    (5.0, "tested and watched well"),
    (7.0, "tested and watched exceptionally well"),
)
"""(score up to which, what it means), in steps as the paper has them."""


def criterion(test: str) -> Criterion:
    """
    The test of this id.

    Raises:
        Refused: there is none; the message names the nearest.

    >>> criterion("monitor-4").name
    'Age of the model'
    """
    try:
        return BY_ID[known_test(test)]
    except ValueError as error:
        raise Refused(str(error)) from None


def reading(score: float) -> str:
    """
    What a score means, in words.

    >>> reading(0.5), reading(2.5)
    ('there may be serious holes', 'tested within reason; more of it could run by itself')
    """
    return next(says for most, says in READINGS if score <= most)
