"""Graphs that onnxruntime runs."""

import re
from collections.abc import Mapping
from typing import Any

import onnxruntime
from numpy.typing import NDArray

Array = NDArray[Any]
_NODE = re.compile(r"Name:'(\d+)'|Node, \(\"(\d+)\"|[Nn]ode ?\(?:? ?(\d+)\b|'(\d+) : ")
# What its errors begin with, before the reason; paths of its own sources.
_NOISE = re.compile(
    r"^.*Status Message:|^.*, Error |^\[ONNXRuntimeError\] : \d+ : \w+ : |\S*/onnxruntime/\S+ "
)
onnxruntime.set_default_logger_severity(4)  # it would write to the terminal
_QUIET = onnxruntime.RunOptions()
_QUIET.log_severity_level = 4


class RunError(Exception):
    """Why a graph does not run; `node` is the name of the node at fault, if known.

    Args:
        error: Of onnxruntime.
    """

    def __init__(self, error: Exception | str) -> None:
        line = (str(error).strip() or "no reason given").splitlines()[0]
        match = _NODE.search(line)
        self.node = next(filter(None, match.groups()), "") if match else ""
        super().__init__(_NOISE.sub("", line).strip()[:200])


class Session:
    """A graph that onnxruntime runs, on one thread, without a word and without optimisation.

    Args:
        model: Serialised.

    Raises:
        RunError: It is no valid graph.
    """

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # its own classes have no base but this
            raise RunError(error) from error

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return all outputs by name.

        Raises:
            RunError: They cannot be worked out.
        """
        try:
            values = self._session.run(None, dict(feeds), _QUIET)
        except Exception as error:  # likewise
            raise RunError(error) from error
        return dict(zip([item.name for item in self._session.get_outputs()], values, strict=True))
