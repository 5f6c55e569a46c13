from modeling.lstm_layers import *
