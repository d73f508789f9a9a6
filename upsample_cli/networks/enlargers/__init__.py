"""Networks that make pictures of pictures: judged as a whole, or run by the method `onnx`."""
