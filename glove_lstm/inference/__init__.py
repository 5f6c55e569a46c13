"""From texts to labels: the light runtime, ONNX export, bulk prediction and explanations."""
