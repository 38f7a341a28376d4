"""Reads a model from an ONNX file: a graph of known operators, with no code of its own to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

from domain.errors import SourceError, sanitized
from workers.models.loaded import LoadedModel, Output, Scores, column_of

GIVES = "gives"  # metadata key under which a file may say what its only number is
TENSORS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}
NUMBERS = "tensor(float)", "tensor(double)"
BY_CLASS = "seq(map("  # chances as scikit-learn converters write them: keyed by class name


class OnnxModel(LoadedModel):
    """
    One graph, which takes all features as one matrix, or each as an input of its name.

    Its score is the last numeric output: two columns, or classes with their chances, are chances of the
    second; one column is a number, or what the file's metadata `gives` says: `log_odds` or `chance`.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self._inputs = session.get_inputs()
        self._output = _scored(session)
        says = str(session.get_modelmeta().custom_metadata_map.get(GIVES, ""))
        shape = self._output.shape
        two = self._output.type.startswith(BY_CLASS) or (len(shape) == 2 and shape[1] == 2)
        self.chance = two or says == "chance"
        self.kind = "log_odds" if self.chance or says == "log_odds" else "number"
        wide = any(one.type == "tensor(double)" for one in self._inputs)
        self.widths = {"in 64 bits": np.float64} if wide else {"in 32 bits": np.float32}

    @property
    def takes(self) -> int | None:
        """How many features it takes, if it knows."""
        if len(self._inputs) > 1:
            return len(self._inputs)
        shape = self._inputs[0].shape
        return int(shape[1]) if len(shape) == 2 and isinstance(shape[1], int) else None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it can be asked for."""
        return ("chance",) if self.chance else ("score",)

    def inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """Name of an input → its tensor. Raises SourceError if a feature is missing or of another kind."""
        if len(self._inputs) == 1:
            only = self._inputs[0]
            return {only.name: _tensor(features, only)}
        missing = [one.name for one in self._inputs if one.name not in features]
        if missing:
            raise SourceError(f"it has an input `{missing[0]}` that is none of the features")
        return {one.name: _tensor(features[[one.name]], one) for one in self._inputs}

    def asked(self, what: Output, inputs: Any) -> Scores:
        """(rows,) of one of its outputs."""
        (found,) = self.session.run([self._output.name], inputs)
        if not self._output.type.startswith(BY_CLASS):
            return column_of(found)
        width = np.float64 if "double" in self._output.type else np.float32
        return column_of(pd.DataFrame(found).to_numpy(width))

    def some(self, inputs: Any, part: Any) -> Any:
        """The rows `part` of every input."""
        return {name: tensor[part] for name, tensor in inputs.items()}


def _scored(session: onnxruntime.InferenceSession) -> Any:
    numbers = [one for one in session.get_outputs() if one.type in NUMBERS or one.type.startswith(BY_CLASS)]
    if not numbers:
        raise SourceError("none of its outputs holds numbers")
    return numbers[-1]


def _tensor(features: pd.DataFrame, asked: Any) -> Any:
    """The value for the input `asked`: a matrix, or a row of values if it has one dimension."""
    if asked.type not in TENSORS:
        raise SourceError(f"it takes {asked.type}, which no column is")
    try:
        tensor = features.to_numpy(TENSORS[asked.type])
    except (ValueError, TypeError) as error:
        raise SourceError(f"it takes {asked.type}: {sanitized(error)}") from error
    return tensor.ravel() if len(asked.shape) == 1 else tensor


def load_onnx(path: Path) -> OnnxModel:
    """Read the graph in `path`. Raises SourceError if it is not an ONNX file, or uses unknown operators."""
    try:
        session = _session(str(path))
    except MemoryError:
        raise
    except Exception as error:  # (its errors share no type of their own)
        first = sanitized(error).splitlines()[0] if sanitized(error) else type(error).__name__
        raise SourceError(f"{path}: could not be read as ONNX ({first})") from error
    return OnnxModel(session)


def _session(graph: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
