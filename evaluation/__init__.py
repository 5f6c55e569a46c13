"""How good it is: metrics, calibration, plots, and the filling of the model card."""
