"""Operators of ONNX that treat every pixel by itself, or leave it as it is."""

CONVOLUTIONS = frozenset(("Conv", "FusedConv"))
SAME = frozenset(("Cast", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear"))  # in place
_FUNCTIONS = frozenset((
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
    "Log", "Mish", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish",
    "Tanh", "ThresholdedRelu",
))  # fmt: skip
POINTWISE = SAME | _FUNCTIONS | {"BatchNormalization", "Neg", "PRelu"}
