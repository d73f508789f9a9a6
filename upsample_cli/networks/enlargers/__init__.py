"""Networks that turn pictures into pictures: audited as a whole, or run by the method `onnx`."""
