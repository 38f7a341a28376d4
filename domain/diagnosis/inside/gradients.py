"""
What each input of a small network adds to its score: gradients summed up on the way from the usual input.

Source:
    Integrated gradients: Sundararajan, Taly & Yan (2017), "Axiomatic attribution for deep networks", ICML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEPS = 64  # of the way: less than a thousandth of the score's difference is left unexplained

Floats = npt.NDArray[np.float64]
Slope = Callable[[Floats], Floats]

ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Slope]] = {
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(np.float64)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "logistic": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2,
    ),
}
"""Name → the function and its slope, as scikit-learn names them."""


@dataclass(frozen=True)
class Network:
    """
    Layers that follow one another: `weights[k]` is (n_in, n_out), `biases[k]` (n_out,); the last gives one
    number, the score. Between them `activation`, one of `ACTIVATIONS`.
    """

    weights: Sequence[Floats]
    biases: Sequence[Floats]
    activation: str

    @property
    def known(self) -> bool:
        """Whether it is one whose slopes are known, and gives one number."""
        return self.activation in ACTIVATIONS and self.weights[-1].shape[1] == 1

    def gradient(self, inputs: Floats) -> Floats:
        """(rows, inputs) of the score."""
        function, slope = ACTIVATIONS[self.activation]
        held, slopes = inputs, list[Floats]()
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = held @ weights + biases
            slopes.append(slope(z))
            held = function(z)
        back = np.broadcast_to(self.weights[-1][:, 0], (len(inputs), len(self.weights[-1])))
        for weights, each in zip(reversed(self.weights[:-1]), reversed(slopes), strict=True):
            back = (back * each) @ weights.T
        return np.asarray(back, np.float64)


def integrated_gradients(network: Network, inputs: Floats, usual: Floats) -> Floats:
    """
    (rows, inputs) what each adds to the score of its row, over that of what is `usual`, (inputs,); a row's
    add up to about the difference.
    """
    total = np.zeros_like(inputs)
    for step in (np.arange(STEPS) + 0.5) / STEPS:
        total += network.gradient(usual + step * (inputs - usual))
    return np.asarray((inputs - usual) * total / STEPS)
