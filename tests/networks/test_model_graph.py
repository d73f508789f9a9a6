import pytest

from upsample_cli.networks.model_graph import RunError

PLACE = "/onnxruntime_src/onnxruntime/core/providers/cpu/math/ops.h:583"


@pytest.mark.parametrize(
    "noise",
    [
        "[ONNXRuntimeError] : 1 : FAIL : ",
        f"Non-zero status code. Name:'p' Status Message: {PLACE} ",
        f"{PLACE} void onnxruntime::Check(const Map<A, int>&, bool) ",
    ],
    ids=["code", "place", "function"],
)
def test_an_error_is_what_a_user_can_read(noise: str) -> None:
    """Codes, and places and functions of onnxruntime's source, are left out."""
    assert str(RunError(f"{noise}3 by 12 (of a PRelu)\nmore")) == "3 by 12 (of a PRelu)"
