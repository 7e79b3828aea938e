"""Array work with numpy, and text encoders in onnxruntime."""
