"""
The ML Test Score: 28 tests of a machine-learned system in production, seven in each of four sections.

Source:
    Breck, Cai, Nielsen, Salib & Sculley (2017), The ML Test Score: A Rubric for ML Production Readiness and
    Technical Debt Reduction, IEEE International Conference on Big Data. Tests, order and names are the
    paper's; what each test asks is in our own words.
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
Half a point for what people do now and then, with the result written down for everyone; a whole point for
what runs automatically, again and again.
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
            "Feature expectations are captured in a schema",
            "What each feature may hold is written down, and data is validated against it.",
        ),
        (
            "All features are beneficial",
            "Each feature is worth having: the model is measurably worse without it.",
        ),
        (
            "No feature’s cost is too much",
            "What each feature costs in latency, memory and upkeep is known and worth paying.",
        ),
        (
            "Features adhere to meta-level requirements",
            "No feature comes from a source that the organisation has ruled out.",
        ),
        (
            "The data pipeline has appropriate privacy controls",
            "Access to members’ data is controlled from the source to the trained model.",
        ),
        (
            "New features can be added quickly",
            "From idea to production, a new feature takes days, not quarters.",
        ),
        (
            "All input feature code is tested",
            "The code that computes features has tests, for training and serving.",
        ),
    ),
    *_section(
        "model",
        (
            "Model specs are reviewed and submitted",
            "The code and configuration of a model are reviewed and under version control.",
        ),
        (
            "Offline and online metrics correlate",
            "When the offline metric improves, members’ behaviour does too.",
        ),
        (
            "All hyperparameters have been tuned",
            "Hyperparameters were searched for, not left at their first values.",
        ),
        (
            "The impact of model staleness is known",
            "How much worse a model gets with each day of age was measured.",
        ),
        (
            "A simpler model is not better",
            "A simpler model was tried, and its simplicity does not make up for what it loses.",
        ),
        (
            "Model quality is sufficient on important data slices",
            "The model is good enough in every slice that matters, not only on average.",
        ),
        (
            "The model is tested for considerations of inclusion",
            "Whether some groups of people are served worse than others was examined.",
        ),
    ),
    *_section(
        "infra",
        ("Training is reproducible", "Trained twice on the same data, the model comes out the same."),
        ("Model specs are unit tested", "The code that specifies the model has unit tests."),
        (
            "The ML pipeline is integration tested",
            "One test runs the whole pipeline, from raw data to a served answer.",
        ),
        (
            "Model quality is validated before serving",
            "A new model is evaluated before it serves, and held back if it is worse.",
        ),
        ("The model is debuggable", "A single example can be followed through the model, step by step."),
        (
            "Models are canaried before serving",
            "A new model gets a little of the traffic before it gets all of it.",
        ),
        (
            "Serving models can be rolled back",
            "A bad model can be replaced by the previous one, quickly and safely.",
        ),
    ),
    *_section(
        "monitor",
        (
            "Dependency changes result in notification",
            "When something the model depends on changes upstream, its team is notified.",
        ),
        (
            "Data invariants hold for inputs",
            "What must always hold for the data is monitored, in training and in serving.",
        ),
        ("Training and serving are not skewed", "A feature has the same value in serving as in training."),
        ("Models are not too stale", "A model that has been serving for too long is noticed."),
        ("Models are numerically stable", "NaNs, infinities and exploding values are noticed."),
        (
            "Computing performance has not regressed",
            "Training speed, serving latency, throughput and memory are monitored for regressions.",
        ),
        (
            "Prediction quality has not regressed",
            "The quality of served predictions is monitored.",
        ),
    ),
)
BY_ID: Mapping[str, Criterion] = {one.id: one for one in RUBRIC}
READINGS: tuple[tuple[float, str], ...] = (
    (0.0, "more of a research project than a production system"),
    (1.0, "not totally untested, but there may be serious holes in reliability"),
    (2.0, "a first pass at basic productionisation"),
    (3.0, "reasonably tested; more of the tests may be automated"),
    (5.0, "strong automated testing and monitoring"),
    (7.0, "exceptional automated testing and monitoring"),
)
"""(highest score of the step, what it means), in the paper's steps."""


def criterion(test: str) -> Criterion:
    """
    The test of this id.

    Raises:
        Refused: there is none; the message names the nearest.

    >>> criterion("monitor-4").name
    'Models are not too stale'
    """
    try:
        return BY_ID[known_test(test)]
    except ValueError as error:
        raise Refused(str(error)) from None


def reading(score: float) -> str:
    """
    What a score means, in words.

    >>> reading(2.5)
    'reasonably tested; more of the tests may be automated'
    """
    return next(says for most, says in READINGS if score <= most)
