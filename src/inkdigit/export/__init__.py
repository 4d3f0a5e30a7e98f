"""A Keras model -> ONNX."""
