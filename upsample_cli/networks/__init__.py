"""Networks in files, and their upsampling layers. The only package that imports `onnx`."""
