"""One whole training (fit.py) and its steps: settings, hold-out, first model, n-grams, LSTM, calibration, record."""
