"""Networks that enlarge pictures, for the method `onnx`."""
