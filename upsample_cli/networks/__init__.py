"""Networks in files: their upsampling layers. The only room that knows onnx."""
