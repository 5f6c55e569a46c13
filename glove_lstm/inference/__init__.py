"""The light runtime, ONNX export, bulk prediction and explanations."""
